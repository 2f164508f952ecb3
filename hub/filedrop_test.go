package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/signature"
)

const erpSecret = "erp-secret"

// erpConfig is a connection to a folder.
const erpConfig = `
  erp:
    adapter: filedrop
    webhook: {secrets: ["${ERP_SECRET}"]}
    pull: {customer: {every: 1s, page_size: 20}}
    options:
      folder: %s
      settle: 0s
      kinds:
        customer:
          encoding: windows-1252
          delimiter: ";"
          content: everything
          vanished: delete
          max_vanished: 0.03
          id: row.NR
          attributes:
            email: row.MAIL
            name: "PersonName{full: row.NAME}"
            phone: phone(row.PHONE, 'DE')
          out: {columns: [{name: NR, value: external_id}, {name: MAIL, value: record.email}, {name: PHONE, value: record.phone}]}
`

// erp is a system that knows nothing but files.
type erp struct {
	*town
	folder string
}

// drop writes a file under another name, and gives it its own.
func (e *erp) drop(name, text string) {
	e.t.Helper()
	hidden := filepath.Join(e.folder, "in", "."+name)
	if err := os.WriteFile(hidden, []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
	if err := os.Rename(hidden, filepath.Join(e.folder, "in", name)); err != nil {
		e.t.Fatal(err)
	}
}

// export is a file of rows, in windows-1252.
func export(from, to int, more string) string {
	var b strings.Builder
	b.WriteString("NR;NAME;MAIL;PHONE\r\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "%d;\"J\xfcrgen; der %d.\";p%d@example.com;030/90182%d\r\n", i, i, i, i%10)
	}
	return b.String() + more
}

// in waits until a folder has a number of files.
func (e *erp) in(folder string, want int) []string {
	e.t.Helper()
	var names []string
	e.until(fmt.Sprintf("%s/ has %d files", folder, want), func() error {
		names = nil
		entries, err := os.ReadDir(filepath.Join(e.folder, folder))
		for _, entry := range entries {
			if !strings.HasPrefix(entry.Name(), ".") {
				names = append(names, entry.Name())
			}
		}
		if err == nil && len(names) != want {
			err = fmt.Errorf("it has %v", names)
		}
		return err
	})
	return names
}

// mails counts HubSpot's contacts by their address.
func (e *erp) mails() map[string]int {
	mails := map[string]int{}
	for _, c := range e.hubspot.Contacts() {
		if !c.Archived {
			mails[c.Properties["email"]]++
		}
	}
	return mails
}

// A system that exports its customers into a folder is taken in once, row by row, though the hub is killed meanwhile; what
// cannot be read waits for a person, what is not in the next export is gone, and what others change comes back as a file.
func TestAFolderIsASystemLikeAnother(t *testing.T) {
	t.Parallel()
	const many = 120
	w := newTown(t)
	e := &erp{w, t.TempDir()}
	for _, name := range []string{"in", "done", "rejected", "out"} {
		if err := os.Mkdir(filepath.Join(e.folder, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.policy("\npolicies:", fmt.Sprintf(erpConfig, e.folder)+"policies:")
	w.policy("create: [stripe, crm]", "create: [stripe, crm, erp]\n    delete: {by: [erp], effect: archive}")
	w.policy("{prefer: [stripe, crm]}", "{prefer: [crm, stripe, erp]}")
	w.policy("      stripe: {create: false", "      erp: {create: false, attributes: [email, phone]}\n      stripe: {create: false")

	e.drop("customers-1.csv", export(0, many, "oops;x;\"y\"z;1;2\r\n"))
	w.start()
	for at := 1; at <= 2; at++ {
		w.until("some of it is in HubSpot", func() error {
			if n := len(e.mails()); n < at*many/4 {
				return fmt.Errorf("there are %d", n)
			}
			return nil
		})
		w.kill()
		w.start()
	}
	w.until("all of it is in HubSpot", func() error {
		if n := len(e.mails()); n != many {
			return fmt.Errorf("there are %d", n)
		}
		return nil
	})
	for mail, n := range e.mails() {
		if n != 1 {
			t.Errorf("%s is there %d times", mail, n)
		}
	}
	e.in("done", 1)
	e.in("in", 0)
	_, letters := w.rest(http.MethodGet, "/v1/deadLetters", "")
	if all, _ := letters["deadLetters"].([]any); len(all) != 1 || !strings.Contains(fmt.Sprint(all[0]), fmt.Sprintf("line %d", many+2)) {
		t.Errorf("dead letters: %v, want one that names line %d", letters, many+2)
	}

	e.drop("customers-again.csv", export(0, many, "oops;x;\"y\"z;1;2\r\n")) // on a quiet day nothing has changed
	e.in("done", 2)
	e.drop("customers-whole.csv", export(0, many, "")) // behind it, what is missing can be told
	e.in("done", 3)
	e.drop("customers-half.csv", export(0, many/2, ""))
	e.in("rejected", 1)
	e.drop("customers-less.csv", export(3, many, ""))
	w.until("three are gone", func() error {
		if n := len(e.mails()); n != many-3 {
			return fmt.Errorf("there are %d", n)
		}
		return nil
	})

	contact := ""
	for _, c := range w.hubspot.Contacts() {
		if c.Properties["email"] == "p50@example.com" {
			contact = c.ID
		}
	}
	if err := w.hubspot.Edit(contact, map[string]string{"phone": "+49301234567"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(e.folder, "out", e.in("out", 1)[0]))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][0] != "50" || rows[1][1] != "update" || rows[1][len(rows[1])-1] != "+49301234567" {
		t.Errorf("out/ has %q (%v)", text, err)
	}
}

// A file that is posted is one event, whatever is posted again, and is refused without its signature.
func TestAFileIsPosted(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	e := &erp{w, t.TempDir()}
	for _, name := range []string{"in", "done", "rejected", "out"} {
		if err := os.Mkdir(filepath.Join(e.folder, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.policy("\npolicies:", fmt.Sprintf(erpConfig, e.folder)+"policies:")
	w.policy("create: [stripe, crm]", "create: [stripe, crm, erp]")
	w.policy("{prefer: [stripe, crm]}", "{prefer: [crm, stripe, erp]}")
	w.start()
	// The last row says anew who the first one is: in a file, what stands further down is newer.
	file := []byte(export(0, 40, "0;Zoe;first@example.com;030/901820\r\n"))
	for range 3 {
		if status := e.post("customers-7.csv", file, erpSecret); status != http.StatusOK {
			t.Fatalf("it is answered %d", status)
		}
	}
	if status := e.post("customers-8.csv", file, "another"); status == http.StatusOK {
		t.Error("a bad signature is taken")
	}
	if status := e.post("unheard-of.csv", file, erpSecret); status == http.StatusOK {
		t.Error("a file of no kind is taken")
	}
	w.settled()
	if mails := e.mails(); len(mails) != 40 || mails["first@example.com"] != 1 || mails["p0@example.com"] != 0 {
		t.Errorf("HubSpot has %d customers, %v", len(mails), mails)
	}
}

func (e *erp) post(name string, file []byte, secret string) int {
	e.t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+e.httpAddr+"/webhooks/erp?file="+url.QueryEscape(name), bytes.NewReader(file))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Canonhub-Signature", signature.SignFile(name, file, adapters.NewSecret(secret), time.Now()))
	r.Header.Set("Content-Type", "text/csv")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
