package httpapi

// Private says of an address whether it is one of the house, without a call to those that are not.
var Private = private
