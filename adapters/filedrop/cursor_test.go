package filedrop_test

import "encoding/base64"

// encoded is a cursor's text, as package cursor makes it.
func encoded(state string) string { return base64.RawURLEncoding.EncodeToString([]byte(state)) }
