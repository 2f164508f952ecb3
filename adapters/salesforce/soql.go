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

// values are the query as a URL has it.
func (q query) values() url.Values {
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
	return url.Values{"q": {text}}
}

// escapes are what may not stand in a text as it is.
var escapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

func quoted(text string) string { return "'" + escapes.Replace(text) + "'" }

// equals compares a field with a text.
func equals(field, text string) string { return field + " = " + quoted(text) }

// after compares a field with an id in the order in which Salesforce sorts ids.
func after(field, id string) string { return field + " > " + quoted(id) }

// among says that a field has one of some texts.
func among(field string, texts []string) string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = quoted(text)
	}
	return field + " IN (" + strings.Join(all, ", ") + ")"
}

// stamp is a time as queries have it, without quotes.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
