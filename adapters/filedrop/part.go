package filedrop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/filedrop/rows"
)

// partMark begins what is kept of a row that could not be read: the mark, what is known of it as JSON, a line's end, and a
// file with that row alone, byte for byte. No file of anybody's begins so.
const partMark = "canonhub-row "

// part is what is known of such a row.
type part struct {
	Kind adapters.Kind `json:"kind"`
	File string        `json:"file"`
	Time time.Time     `json:"time"`
	Line int           `json:"line,omitempty"`
	// Cut says that the row is too long to be kept; without one, all of the file is meant.
	Cut  bool `json:"cut,omitempty"`
	None bool `json:"none,omitempty"`
}

// rejected tells of a row; without a reader, of the file.
func (p part) rejected(row rows.Row, reader rows.Reader, reason string) adapters.Rejected {
	where := printed(p.File)
	if p.Line > 0 {
		where += ", line " + strconv.Itoa(p.Line)
	}
	var text []byte
	if p.None = reader == nil; !p.None {
		var whole bool
		text, whole = reader.Part(row)
		p.Cut = !whole
	}
	about, _ := json.Marshal(p) // texts and numbers alone
	return adapters.Rejected{Where: where, Reason: reason, Raw: fmt.Appendf(nil, "%s%s\n%s", partMark, about, text)}
}

// printed is a file's name on one line.
func printed(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}

// readPart reads what rejected kept.
func readPart(body []byte) (p part, text []byte, is bool) {
	rest, is := bytes.CutPrefix(body, []byte(partMark))
	about, text, cut := bytes.Cut(rest, []byte{'\n'})
	if !is || !cut || json.Unmarshal(about, &p) != nil {
		return part{}, nil, false
	}
	return p, text, true
}
