package salesforce

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// query is one in Salesforce's language.
type query struct {
	fields []string
	from   string
	where  string
	order  string
	limit  int // 0 means none
}

// String is its text.
func (q query) String() string {
	text := "SELECT " + strings.Join(q.fields, ", ") + " FROM " + q.from
	if q.where != "" {
		text += " WHERE " + q.where
	}
	if q.order != "" {
		text += " ORDER BY " + q.order
	}
	if q.limit > 0 {
		text += " LIMIT " + strconv.Itoa(q.limit)
	}
	return text
}

// values are the query as a URL has it.
func (q query) values() url.Values { return url.Values{"q": {q.String()}} }

// escapes are what may not stand in a text as it is.
var escapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// equals compares a field with a text.
func equals(field, text string) string { return field + " = '" + escapes.Replace(text) + "'" }

// after compares a field with an id in the order in which Salesforce sorts ids.
func after(field, id string) string { return field + " > '" + escapes.Replace(id) + "'" }

// among says that a field has one of some texts.
func among(field string, texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = "'" + escapes.Replace(text) + "'"
	}
	return field + " IN (" + strings.Join(quoted, ", ") + ")"
}

// stamp is a time as queries have it, without quotes.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
