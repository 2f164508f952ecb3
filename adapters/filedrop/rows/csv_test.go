package rows_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/canonhub/canonhub/adapters/filedrop/rows"
)

func TestCSVAsItIsWritten(t *testing.T) {
	t.Parallel()
	semicolon := rows.Format{Delimiter: ';'}
	for name, c := range map[string]struct {
		text   string
		format rows.Format
		want   []string
	}{
		"plain":                   {"id,name\n1,Ada\n2,Grace\n", rows.Format{}, []string{"2 id=1|name=Ada", "3 id=2|name=Grace"}},
		"no line end at the end":  {"id\r\n1", rows.Format{}, []string{"2 id=1"}},
		"old line ends":           {"id,n\r1,a\r2,b\r", rows.Format{}, []string{"2 id=1|n=a", "3 id=2|n=b"}},
		"quoted newlines":         {"id;n\n1;\"a\r\nb\"\n2;c\n", semicolon, []string{"2 id=1|n=a\r\nb", "4 id=2|n=c"}},
		"quotes":                  {"id,n\n1,\"say \"\"hi\"\", now\"\n2,5\" pipe\n", rows.Format{}, []string{`2 id=1|n=say "hi", now`, `3 id=2|n=5" pipe`}},
		"empty lines are no rows": {"id,n\n\n1,a\n\r\n", rows.Format{}, []string{"3 id=1|n=a"}},
		"empty values":            {"id,n\n,\n\"\",\n", rows.Format{}, []string{"2 id=|n=", "3 id=|n="}},
		"too many and too few":    {"id,n\n1,a,b\n2\n3,c\n", rows.Format{}, []string{"2! it has 3 fields, and there are 2 columns", "3! it has 1 fields, and there are 2 columns", "4 id=3|n=c"}},
		"text behind quotes":      {"id,n\n1,\"a\"b\n2,c\n", rows.Format{}, []string{"2! there is text behind a closing quotation mark", "3 id=2|n=c"}},
		"a quote never closed":    {"id,n\n1,\"a\n2,b\n3,c\n", rows.Format{}, []string{"2! a quotation mark is opened and never closed", "3 id=2|n=b", "4 id=3|n=c"}},
		"no header line":          {"1,Ada\n", rows.Format{Columns: []string{"id", "name"}}, []string{"1 id=1|name=Ada"}},
		"lines before the header": {"Export of\n2026\nid\n1\n", rows.Format{Skip: 2}, []string{"4 id=1"}},
		"header alone":            {"id,n\n", rows.Format{}, nil},
		"nothing":                 {"", rows.Format{}, []string{"! line 1: the file is empty: there is no header line"}},
		"blanks in the header":    {" id ,\tn\n1,a\n", rows.Format{}, []string{"2 id=1|n=a"}},
		"a tab":                   {"id\tn\n1\ta\n", rows.Format{Delimiter: '\t'}, []string{"2 id=1|n=a"}},
		"a broken character":      {"id,n\n1,a\xffb\n2,c\n", rows.Format{}, []string{"2! a character is none in utf-8", "3 id=2|n=c"}},
		"a zero byte":             {"id,n\n1,a\x00b\n2,c\n", rows.Format{}, []string{"2! a character is none in utf-8", "3 id=2|n=c"}},
		"a broken header":         {"id,\xff\n1,a\n", rows.Format{}, []string{"! line 1: the header line is no text in utf-8; is the encoding another?"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, read(t, []byte(c.text), c.format)); diff != "" {
				t.Errorf("(- want, + read) %s", diff)
			}
		})
	}
}

// The same text in each encoding is the same rows.
func TestEncodings(t *testing.T) {
	t.Parallel()
	const text = "id,näme\n1,Zoë\n"
	want := []string{"2 id=1|näme=Zoë"}
	western := []byte("id,n\xe4me\n1,Zo\xeb\n")
	for name, c := range map[string]struct {
		bytes    []byte
		encoding string
	}{
		"utf-8":                     {[]byte(text), ""},
		"utf-8 with a mark":         {append([]byte("\xef\xbb\xbf"), text...), "windows-1252"},
		"windows-1252":              {western, "Windows-1252"},
		"cp1252":                    {western, "CP1252"},
		"latin1":                    {western, "latin1"},
		"dos":                       {[]byte("id,n\x84me\n1,Zo\x89\n"), "cp850"},
		"utf-16 with a mark":        {append([]byte("\xff\xfe"), inUTF16(text)...), ""},
		"utf-16 the other way":      {append([]byte("\xfe\xff"), swapped(inUTF16(text))...), "utf-8"},
		"utf-16 without a mark":     {inUTF16(text), "utf-16"},
		"utf-16be without a mark":   {swapped(inUTF16(text)), "utf-16"},
		"utf-16le that is so named": {inUTF16(text), "UTF-16LE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, read(t, c.bytes, rows.Format{Encoding: c.encoding})); diff != "" {
				t.Errorf("(- want, + read) %s", diff)
			}
		})
	}
	if err := (rows.Format{Encoding: "klingon"}).Check(); err == nil {
		t.Error("an encoding is taken that nobody knows")
	}
}

func TestTheEuroSignAndAHoleInWindows1252(t *testing.T) {
	t.Parallel()
	got := read(t, []byte("id,n\n1,5 \x80\n2,\x81\n"), rows.Format{Encoding: "windows-1252"})
	want := []string{"2 id=1|n=5 €", "3! a character is none in Windows 1252"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(- want, + read) %s", diff)
	}
}

// A quote that is never closed costs its own row, and no more memory than a row may have.
func TestARowThatIsTooLongCostsItself(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{"open quote": `1,"`, "no quote": "1,"} {
		text := "id,n\n" + begin + strings.Repeat("x", 3<<20) + "\n2,b\n"
		got := read(t, []byte(text), rows.Format{})
		if len(got) != 2 || !strings.HasPrefix(got[0], "2! ") || got[1] != "3 id=2|n=b" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Reading goes on from any row's place with the rows that a whole reading has, in every encoding.
func TestReadingGoesOnFromEveryPlace(t *testing.T) {
	t.Parallel()
	text := "id;n\r\n1;\"a\r\nb\"\r\n\r\n2;ü\"€\r\n3;x;y\r\n4;\"open\r\n5;𝄞\r\n"
	document := `<?xml version="1.0"?><a:E xmlns:a="u"><B>` + "\n<R id='1'><n>ü</n></R> x <!-- c --><R><n>&lt;€</n></R><S><R/></S>\n<R><n>𝄞</n></R></B></a:E>"
	for name, c := range map[string]struct {
		text   []byte
		format rows.Format
	}{
		"csv":         {[]byte(text), rows.Format{Delimiter: ';'}},
		"csv, marked": {append([]byte("\xef\xbb\xbf"), text...), rows.Format{Delimiter: ';'}},
		"csv, utf-16": {append([]byte("\xff\xfe"), inUTF16(text)...), rows.Format{Delimiter: ';'}},
		"xml":         {[]byte(document), rows.Format{XML: true, Path: []string{"E", "B", "R"}}},
		"xml, utf-16": {append([]byte("\xff\xfe"), inUTF16(document)...), rows.Format{XML: true, Path: []string{"E", "B", "R"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := read(t, c.text, c.format)
			var got []string
			at := rows.Place{}
			for range whole {
				r, err := rows.Open(bytes.NewReader(c.text), c.format, at)
				if err != nil {
					t.Fatal(err)
				}
				row, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				got, at = append(got, shown(row)), r.Place()
			}
			if diff := cmp.Diff(whole, got); diff != "" || len(whole) < 3 {
				t.Errorf("(- at once, + row by row) %s", diff)
			}
		})
	}
}

// What is kept of a row reads as that row does, in the file's own encoding.
func TestAPartReadsAsItsRow(t *testing.T) {
	t.Parallel()
	text := "Export\nid;n\n1;\"a\nb\"\n2;Zoë\n3;x;y\n"
	document := "<?xml version='1.0' encoding='windows-1252'?>\n<E><B>\n <ü:R id='1'><n>\xfc</n></ü:R><R><n>b</n></R>\n<R/></B></E>"
	document = strings.ReplaceAll(document, "ü", "\xfc")
	for name, c := range map[string]struct {
		text   []byte
		format rows.Format
	}{
		"csv":          {[]byte(text), rows.Format{Delimiter: ';', Skip: 1}},
		"csv, utf-16":  {append([]byte("\xfe\xff"), swapped(inUTF16(text))...), rows.Format{Delimiter: ';', Skip: 1}},
		"csv, no head": {[]byte("1;a\n2;b\n"), rows.Format{Delimiter: ';', Columns: []string{"id", "n"}}},
		"xml":          {[]byte(document), rows.Format{XML: true, Path: []string{"E", "B", "R"}}},
		"xml, utf-16":  {append([]byte("\xff\xfe"), inUTF16("<E><B>\n<R><é>x</é></R><R/></B></E>")...), rows.Format{XML: true, Path: []string{"E", "B", "R"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := rows.Open(bytes.NewReader(c.text), c.format, rows.Place{})
			if err != nil {
				t.Fatal(err)
			}
			for n := 0; ; n++ {
				row, err := r.Next()
				if err != nil {
					if n < 2 {
						t.Errorf("%d rows: %v", n, err)
					}
					return
				}
				part, whole := r.Part(row)
				got := read(t, part, c.format.OfParts())
				_, want, _ := strings.Cut(shown(row), " ")
				if _, read, _ := strings.Cut(strings.Join(got, "&"), " "); !whole || len(got) != 1 || read != want {
					t.Errorf("%q reads as %q, want %q", part, got, want)
				}
			}
		})
	}
}
