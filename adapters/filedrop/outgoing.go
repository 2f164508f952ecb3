package filedrop

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/filedrop/rows"
)

// outgoing is how files of one kind are written.
type outgoing struct {
	// whole says that one file has everything, and is renewed no more often than every.
	whole   bool
	every   time.Duration
	columns []outputColumn
	// paths are all attributes that columns are made of.
	paths []string
	csv   csvForm
}

// outputColumn is one column and what stands in it.
type outputColumn struct {
	name string
	from *expression
}

// csvForm is how CSV is written.
type csvForm struct {
	delimiter rune
	encoding  string
	// table is a single-byte encoding's; nil for UTF-8.
	table *charmap.Charmap
}

// Columns that are always there: the object's id, then in files of changes what is done to it, which columns say so, and a
// key that is the same where one change is written twice.
const (
	idColumn     = "_id"
	doneColumn   = "_operation"
	changeColumn = "_columns"
	keyColumn    = "_key"
	// columnMark stands between the names in changeColumn.
	columnMark = "|"
)

func compileOut(j judge, kind adapters.Kind, o *outOptions) *outgoing {
	out := &outgoing{whole: j.below("content").word(o.Content, changes, everything) == everything, every: j.below("every").duration(o.Every, 15*time.Minute)}
	out.csv.delimiter = j.below("delimiter").single(o.Delimiter, ",")
	table, err := rows.Charmap(o.Encoding)
	if err == nil {
		err = rows.Format{Delimiter: out.csv.delimiter}.Check()
	}
	if err != nil {
		j.wrong("%v", err)
	}
	if strings.Contains(strings.ToLower(o.Encoding), "16") && table == nil {
		j.below("encoding").wrong("files are written in utf-8, or in an encoding of single bytes such as windows-1252")
	}
	out.csv.encoding, out.csv.table = o.Encoding, table
	language, err := newLanguage(kind, j.below("decimal").single(o.Decimal, "."), j.below("time_zone").zone(o.TimeZone))
	if err != nil {
		j.wrong("%v", err)
		return out
	}
	for i, c := range o.Columns {
		at := j.below("columns", strconv.Itoa(i))
		if c.Name == "" || strings.HasPrefix(c.Name, "_") || strings.Contains(c.Name, columnMark) || slices.ContainsFunc(out.columns, func(other outputColumn) bool { return other.name == c.Name }) {
			at.below("name").wrong("%.80q is empty, or there already, or has a | in it, or begins with the underscore of the hub's own columns", c.Name)
		}
		e, err := language.writing(c.Value)
		if err != nil {
			at.below("value").wrong("%v", err)
			continue
		}
		out.columns = append(out.columns, outputColumn{c.Name, e})
		out.paths = append(out.paths, e.paths...)
	}
	slices.Sort(out.paths)
	if out.paths = slices.Compact(out.paths); len(out.paths) == 0 {
		j.below("columns").wrong("say what is written, as in {name: MAIL, value: record.email}")
	}
	return out
}

// names are the columns' names.
func (o *outgoing) names() []string {
	all := make([]string, len(o.columns))
	for i, c := range o.columns {
		all[i] = c.name
	}
	return all
}
