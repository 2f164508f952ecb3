package rows_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/canonhub/canonhub/adapters/filedrop/rows"
)

func path(text string) rows.Format { return rows.Format{XML: true, Path: strings.Split(text, "/")} }

const soap = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:erp="urn:erp">
 <soapenv:Header><erp:Sent>2026-11-02</erp:Sent></soapenv:Header>
 <soapenv:Body>
  <erp:GetOrdersResponse>
   <erp:Order id="17" xml:lang="de">
    <erp:Number> A-17 </erp:Number>
    <erp:Customer><erp:Id>4</erp:Id><erp:Name>Söhne &amp; Co &lt;KG&gt; &#8364;</erp:Name></erp:Customer>
    <erp:Position nr="1"><erp:Text>Nut</erp:Text><erp:Price>1,20</erp:Price></erp:Position>
    <erp:Position nr="2"><erp:Text><![CDATA[<Bolt>]]></erp:Text></erp:Position>
    <erp:Empty/>
   </erp:Order>
   <erp:Other><erp:Order id="no"/></erp:Other>
   <erp:Order id="18"/>
  </erp:GetOrdersResponse>
 </soapenv:Body>
</soapenv:Envelope>
`

func TestASOAPEnvelopeIsWalkedByItsPath(t *testing.T) {
	t.Parallel()
	f := path("Envelope/Body/GetOrdersResponse/Order")
	f.Lists = []string{"Position"}
	want := []string{
		"6 @id=17|@lang=de|Number=A-17|Customer/Id=4|Customer/Name=Söhne & Co <KG> €|Empty=|Position[map[@nr:1 Price:1,20 Text:Nut] map[@nr:2 Text:<Bolt>]]",
		"14 @id=18",
	}
	if diff := cmp.Diff(want, read(t, []byte(soap), f)); diff != "" {
		t.Errorf("(- want, + read) %s", diff)
	}
	f.Lists = []string{"Position/Text"}
	if got := read(t, []byte(soap), f); !strings.Contains(got[0], "Position/Text[map[.:Nut] map[.:<Bolt>]]") {
		t.Errorf("a list of texts is %q", got[0])
	}
}

func TestXMLThatIsNotReadAnyFurther(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"entities":           {"<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><l><r>&b;</r></l>", []string{"! line 1: it has a document type declaration, which is not read"}},
		"an entity":          {"<l><r><a>&nbsp;</a></r></l>", []string{"! line 1: it is not well-formed"}},
		"cut short":          {"<l><r><a>1</a></r>\n<r><a>2", []string{"1 a=1", "! line 2: the file ends within a row"}},
		"cut between rows":   {"<l><r><a>1</a></r>\n", []string{"1 a=1", "! line 2: the file ends within an element"}},
		"closed twice":       {"<l><r/></l></l>", []string{"1 ", "! line 1: an element is closed that is not open"}},
		"closed crosswise":   {"<l><r><a><b></a></b></r></l>", []string{"! line 1: an element is closed that is not open"}},
		"too deep":           {"<l>" + strings.Repeat("<x>", 200), []string{"! line 1: elements lie more than 100 deep in each other"}},
		"too long":           {"<l><r><a>" + strings.Repeat("x", 2<<20) + "</a></r></l>", []string{"! line 1: what begins here is longer than 1024 KiB"}},
		"a huge name":        {"<l><" + strings.Repeat("x", 2<<20) + "/></l>", []string{"! line 1: what begins here is longer than 1024 KiB"}},
		"another root":       {"<m><r/></m>", []string{"! line 1: there is no element l, in which the rows should stand"}},
		"no row":             {"<l></l>", nil},
		"nothing":            {"", []string{"! line 1: there is no element l, in which the rows should stand"}},
		"no XML":             {"id,name\n1,Ada\n", []string{"! line 3: there is no element l, in which the rows should stand"}},
		"a broken character": {"<l><r><a>\xff</a></r><r/></l>", []string{"1! a character is none in utf-8", "1 "}},
		"in an attribute":    {"<l><r a='\xff'/><r/></l>", []string{"1! a character is none in utf-8", "1 "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, read(t, []byte(c.text), path("l/r"))); diff != "" {
				t.Errorf("(- want, + read) %s", diff)
			}
		})
	}
}

func TestTheEncodingThatAnXMLFileNames(t *testing.T) {
	t.Parallel()
	western := "<?xml version='1.0' encoding='ISO-8859-1'?><l><r><a>Zo\xeb</a></r></l>"
	if got := read(t, []byte(western), path("l/r")); !cmp.Equal(got, []string{"1 a=Zoë"}) {
		t.Errorf("%q", got)
	}
	wide := append([]byte("\xff\xfe"), inUTF16("<?xml version='1.0' encoding='UTF-16'?><l><r><a>Zoë</a></r></l>")...)
	if got := read(t, wide, path("l/r")); !cmp.Equal(got, []string{"1 a=Zoë"}) {
		t.Errorf("%q", got)
	}
	other := "<?xml version='1.0' encoding='klingon'?><l/>"
	if got := read(t, []byte(other), path("l/r")); len(got) != 1 || !strings.Contains(got[0], "klingon") {
		t.Errorf("%q", got)
	}
}
