package sandbox

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"
)

// Each kind is of another decade: customers are CSV in Windows-1252, tickets CSV in UTF-16, orders SOAP in UTF-8, invoices
// XML in ISO 8859-1.

// Extension is that of a kind's files.
func Extension(kind string) string {
	if kind == "order" || kind == "invoice" {
		return "xml"
	}
	return "csv"
}

// Encode writes rows as a kind's files are.
func Encode(kind string, rows []Row) []byte {
	switch kind {
	case "order":
		return soap(rows)
	case "invoice":
		return narrow(charmap.ISO8859_1, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<Export>"+elements("Invoice", rows)+"</Export>\n")
	case "ticket":
		return wide(table(rows))
	}
	return narrow(charmap.Windows1252, table(rows))
}

// table is CSV with semicolons; its columns are all that any row has.
func table(rows []Row) string {
	names := map[string]bool{}
	for _, r := range rows {
		for name := range r {
			names[name] = true
		}
	}
	columns := slices.Sorted(maps.Keys(names))
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = ';', true
	_ = w.Write(columns) // into memory
	for _, r := range rows {
		fields := make([]string, len(columns))
		for i, column := range columns {
			if value, there := r[column]; there && value != nil {
				fields[i] = fmt.Sprint(value)
			}
		}
		_ = w.Write(fields)
	}
	w.Flush()
	return b.String()
}

func soap(rows []Row) []byte {
	return []byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" +
		`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Header/><soapenv:Body><ExportResponse xmlns="urn:erp">` +
		elements("Order", rows) + "</ExportResponse></soapenv:Body></soapenv:Envelope>\n")
}

func elements(name string, rows []Row) string {
	var b strings.Builder
	b.WriteString("\n")
	for _, r := range rows {
		element(&b, name, r)
		b.WriteString("\n")
	}
	return b.String()
}

// element writes an element: a name that begins with @ is an attribute.
func element(b *strings.Builder, name string, value any) {
	switch value := value.(type) {
	case []Row:
		for _, one := range value {
			element(b, name, one)
		}
		return
	case []any:
		for _, one := range value {
			element(b, name, one)
		}
		return
	case map[string]any:
		element(b, name, Row(value))
		return
	case Row:
		b.WriteString("<" + name)
		for _, part := range slices.Sorted(maps.Keys(value)) {
			if attribute, is := strings.CutPrefix(part, "@"); is {
				b.WriteString(" " + attribute + `="` + escaped(value[part]) + `"`)
			}
		}
		b.WriteString(">")
		for _, part := range slices.Sorted(maps.Keys(value)) {
			if !strings.HasPrefix(part, "@") {
				element(b, part, value[part])
			}
		}
	default:
		b.WriteString("<" + name + ">" + escaped(value))
	}
	b.WriteString("</" + name + ">")
}

func escaped(value any) string {
	if value == nil {
		return ""
	}
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(fmt.Sprint(value))) // into memory
	return b.String()
}

// narrow writes in an encoding of single bytes; what it has not becomes a question mark, as such systems do it.
func narrow(table *charmap.Charmap, text string) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := table.EncodeRune(r)
		if !ok {
			b = '?'
		}
		out = append(out, b)
	}
	return out
}

// wide writes UTF-16 with its mark.
func wide(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return out
}
