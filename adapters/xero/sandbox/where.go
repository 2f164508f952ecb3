package sandbox

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// columns are the fields that filters and orders may name.
var columns = map[string][]string{
	contacts: {"ContactID", "ContactStatus", "Name", "FirstName", "LastName", "EmailAddress", "ContactNumber", "AccountNumber", "IsCustomer", "IsSupplier", "UpdatedDateUTC"},
	invoices: {"InvoiceID", "Type", "Status", "InvoiceNumber", "Reference", "CurrencyCode", "Contact.ContactID", "Date", "DueDate", "UpdatedDateUTC"},
}

// term is one comparison of a filter, with the word that joins it to the next; as much as is known of the language. The
// constants are a text, an id, a truth and a day.
var term = regexp.MustCompile(`^\s*([A-Za-z.]+)\s*(==|=|!=|>=|<=|>|<)\s*(?:"((?:[^"]|"")*)"|(?i:guid)\("([0-9A-Za-z-]*)"\)|(true|false)|DateTime\(([0-9, ]+)\))\s*((?i:AND)\s|&&|$)`)

type test func(*Object) bool

// where reads a filter: comparisons with AND between them.
func (s *Server) where(many, text string) (tests []test, err error) {
	for rest := text; rest != ""; {
		found := term.FindStringSubmatch(rest)
		if found == nil || !slices.Contains(columns[many], found[1]) {
			return nil, fmt.Errorf("no property or field in %s", rest)
		}
		if rest = rest[len(found[0]):]; found[7] != "" && strings.TrimSpace(rest) == "" {
			return nil, fmt.Errorf("expression expected behind %s", found[7])
		}
		one, err := s.comparison(many, found)
		if err != nil {
			return nil, err
		}
		tests = append(tests, one)
	}
	return tests, nil
}

// comparison is a term that was found. Letter case is of no account.
func (s *Server) comparison(many string, found []string) (test, error) {
	name, operator, want := found[1], found[2], strings.ReplaceAll(found[3], `""`, `"`)+found[4]+found[5]
	if found[6] != "" {
		day, err := readDay(found[6])
		return func(o *Object) bool {
			at, is := s.column(many, o, name).(time.Time)
			return is && met(operator, at.Compare(day))
		}, err
	}
	if strings.ContainsAny(operator, "<>") {
		return nil, fmt.Errorf("operator '%s' incompatible with operand types", operator)
	}
	return func(o *Object) bool {
		return strings.EqualFold(fmt.Sprint(s.column(many, o, name)), want) == (operator != "!=")
	}, nil
}

// column is what an object has in a column.
func (s *Server) column(many string, o *Object, name string) any {
	switch {
	case name == s.tables[many].id:
		return o.ID
	case name == "UpdatedDateUTC":
		return o.Changed
	case o.Fields[strings.TrimPrefix(name, "Contact.")] == nil:
		return ""
	}
	return o.Fields[strings.TrimPrefix(name, "Contact.")]
}

// met says whether an operator is met by how two values stand to each other.
func met(operator string, d int) bool {
	switch operator {
	case "!=":
		return d != 0
	case "<":
		return d < 0
	case "<=":
		return d <= 0
	case ">":
		return d > 0
	case ">=":
		return d >= 0
	}
	return d == 0
}

// readDay reads a year, a month and a day, and a time of the day where there is one.
func readDay(text string) (time.Time, error) {
	var parts [6]int
	all := strings.Split(text, ",")
	if len(all) < 3 || len(all) > len(parts) {
		return time.Time{}, fmt.Errorf("no applicable constructor exists in type 'DateTime'")
	}
	for i, part := range all {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return time.Time{}, fmt.Errorf("no applicable constructor exists in type 'DateTime'")
		}
		parts[i] = n
	}
	return time.Date(parts[0], time.Month(parts[1]), parts[2], parts[3], parts[4], parts[5], 0, time.UTC), nil
}

// readSince reads the header of a list of changes: whole seconds in UTC, with its zone or without. Fractions are cut off.
func readSince(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02T15:04:05", time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.Truncate(time.Second), nil
		}
	}
	return time.Time{}, fmt.Errorf("the date %s is not valid", text)
}

// searched are the fields of a contact that a search looks in.
var searched = []string{"Name", "FirstName", "LastName", "ContactNumber", "CompanyNumber", "EmailAddress"}

// filter says which objects a query is about.
func (s *Server) filter(many string, q url.Values, since string) (test, error) {
	tests, err := s.where(many, q.Get("where"))
	if err != nil {
		return nil, err
	}
	if since != "" {
		at, err := readSince(since)
		if err != nil {
			return nil, err
		}
		tests = append(tests, func(o *Object) bool { return !o.Changed.Before(at) })
	}
	for parameter, field := range map[string]string{"IDs": s.tables[many].id, "ContactIDs": "ContactID", "InvoiceNumbers": "InvoiceNumber", "Statuses": "Status"} {
		if wanted := strings.Split(q.Get(parameter), ","); q.Get(parameter) != "" {
			tests = append(tests, func(o *Object) bool {
				return slices.Contains(wanted, o.Text(field)) || field == s.tables[many].id && slices.Contains(wanted, o.ID)
			})
		}
	}
	if sought := strings.ToLower(q.Get("searchTerm")); many == contacts && sought != "" {
		tests = append(tests, func(o *Object) bool {
			return slices.ContainsFunc(searched, func(field string) bool { return strings.Contains(strings.ToLower(o.Text(field)), sought) })
		})
	}
	if many == contacts && q.Get("includeArchived") != "true" {
		tests = append(tests, func(o *Object) bool { return o.Text("ContactStatus") == active })
	}
	return func(o *Object) bool {
		return !slices.ContainsFunc(tests, func(one test) bool { return !one(o) })
	}, nil
}
