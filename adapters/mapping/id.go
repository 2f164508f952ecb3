package mapping

import "strings"

// IsNumber says that a text is an id of a vendor whose ids are numbers. They begin at one, and many are beyond what a float
// holds.
func IsNumber(id string) bool {
	for _, c := range []byte(id) {
		if c < '0' || '9' < c {
			return false
		}
	}
	return strings.Trim(id, "0") != "" && len(id) <= 20
}
