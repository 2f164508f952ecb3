package filedrop_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// largeRows is how many rows the large file has; memory must not grow with them.
var largeRows = flag.Int("rows", 5_000, "how many rows TestALargeFileIsReadInBoundedMemory reads")

// largest is how much memory the reading of a file may take, whatever the file's size.
const largest = 96 << 20

// generate drops an export of rows 1 to n, but for every gap-th.
func (b *bundle) generate(name string, n, gap int) int64 {
	b.t.Helper()
	path := filepath.Join(b.folder, "in", name)
	f, err := os.Create(path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	w := bufio.NewWriterSize(f, 1<<20)
	_, _ = w.WriteString("NR;NAME;MAIL;PHONE;STREET\r\n") // Flush tells
	for i := 1; i <= n; i++ {
		if gap > 0 && i%gap == 0 {
			continue
		}
		fmt.Fprintf(w, "%d;\"S\xf6hne; der\r\n%d.\";customer-%d@example.com;030/90182%d;Lange Stra\xdfe %d\r\n", i, i, i, i%10, i)
	}
	if err := w.Flush(); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Chtimes(path, b.now.Add(-time.Minute), b.now.Add(-time.Minute)); err != nil {
		b.t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		b.t.Fatal(err)
	}
	return info.Size()
}

// Two whole exports are read end to end, page by page, and their ids compared: so many rows, and so many that vanished, in
// memory that does not depend on them. `-rows 10000000` reads as many; the figures are in the log.
func TestALargeFileIsReadInBoundedMemory(t *testing.T) {
	b := setup(t, customers(object{"content": "everything", "vanished": "delete", "delimiter": ";", "encoding": "windows-1252",
		"attributes": object{"email": "row.MAIL.lowerAscii()", "name": "PersonName{full: row.NAME}", "phone": "phone(row.PHONE, 'DE')", "billing_address.line1": "row.STREET"}}))
	next := ""
	for _, gap := range []int{0, 1000} {
		b.now = b.now.Add(time.Hour)
		size := b.generate("customers.csv", *largeRows, gap)
		gone := 0
		if gap > 0 {
			gone = *largeRows / gap
		}
		began, rows, vanished, pages, peak := time.Now(), 0, 0, 0, uint64(0)
		for more := true; more; {
			page := b.page("customer", next, 1000)
			next, more = page.Next, page.More
			pages++
			for _, o := range page.Observations {
				if o.Gone {
					vanished++
				} else {
					rows++
				}
			}
			if len(page.Rejected) > 0 {
				t.Fatalf("%s: %s", page.Rejected[0].Where, page.Rejected[0].Reason)
			}
			if pages%50 == 1 || len(page.Observations) == 0 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.Sys-m.HeapReleased)
			}
		}
		took := time.Since(began)
		t.Logf("%d rows (%d MB) and %d vanished in %d pages, %s: %.0f rows a second; at most %d MB of memory, in the process %s",
			rows, size>>20, vanished, pages, took.Round(time.Millisecond), float64(rows)/took.Seconds(), peak>>20, resident())
		if rows != *largeRows-gone || vanished != gone {
			t.Errorf("%d rows and %d vanished, want %d and %d", rows, vanished, *largeRows-gone, gone)
		}
		if peak > largest {
			t.Errorf("it takes %d MB", peak>>20)
		}
	}
}

// resident is the most memory that the process has had, where the system tells.
func resident() string {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	for line := range bytes.Lines(text) {
		if rest, is := bytes.CutPrefix(line, []byte("VmHWM:")); is {
			kilobytes, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(string(rest)), " kB"))
			return strconv.Itoa(kilobytes>>10) + " MB"
		}
	}
	return "unknown"
}
