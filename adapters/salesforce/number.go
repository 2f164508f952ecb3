package salesforce

import (
	"regexp"
	"strconv"
	"strings"
)

// double is a number as Java prints one, which is how Salesforce's JSON has them: 19.99, 1.0E7, -5.0E-4.
var double = regexp.MustCompile(`^(-?)([0-9]{1,30})(?:\.([0-9]{1,30}))?(?:[eE]([+-]?[0-9]{1,2}))?$`)

// plainNumber writes a number without an exponent and without zeros at its end; false where it is none. No digit goes
// through a floating-point number.
func plainNumber(text string) (string, bool) {
	parts := double.FindStringSubmatch(text)
	if parts == nil {
		return "", false
	}
	exponent, _ := strconv.Atoi(parts[4]) // nothing is zero
	digits, point := parts[2]+parts[3], len(parts[2])+exponent
	if point < 1 {
		digits, point = strings.Repeat("0", 1-point)+digits, 1
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	whole, fraction := strings.TrimLeft(digits[:point], "0"), strings.TrimRight(digits[point:], "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if parts[1] == "-" && whole != "0" {
		whole = "-" + whole
	}
	return whole, true
}
