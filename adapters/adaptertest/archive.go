package adaptertest

import (
	"fmt"
	"testing"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

var archiveChecks = []check{
	{"ArchivedIsGone", needs(adapters.Archives), archivedIsGone},
	{"ArchiveWhoseAnswerIsLostIsDoneOnce", needs(adapters.Archives), archiveAnswerLost},
	{"AnAnswerThatIsNoneIsNoArchive", needs(adapters.Archives), strangeArchive},
	{"AFailedArchiveHasItsCategory", needs(adapters.Archives), archiveFaults},
}

// archival is the request to archive an object.
func archival(o adapters.Object) adapters.Request {
	return adapters.Request{Kind: o.Kind, ExternalID: o.ExternalID, RecordID: recordID(o.Kind), Key: "key-1"}
}

// archived says that an object is archived, and no other is.
func (s *stage) archived(t testing.TB, o adapters.Object, count int) {
	t.Helper()
	out, err := s.Archiver.Archive(within(t), archival(o))
	if err != nil {
		t.Fatalf("archive %s %s: %v", o.Kind, o.ExternalID, err)
	}
	if out.Object != o || !out.Gone || out.Message != nil || out.At.IsZero() && out.Version == 0 {
		t.Errorf("archived %v, and the observation is %+v; want the object gone, at a time", o, out)
	}
	if s.Fetcher != nil {
		isGone(t, s, o)
	}
	if s.Count(o.Kind) != count {
		t.Errorf("archived one of %d %ss, and there are %d", count+1, o.Kind, s.Count(o.Kind))
	}
}

func archivedIsGone(t testing.TB, s Suite) {
	st := s.stage(t)
	s.eachKind(can(adapters.Archives), func(c adapters.Carriage) {
		o := adapters.Object{Kind: c.Kind, ExternalID: st.Seed(c.Kind)}
		st.Seed(c.Kind)
		count := st.Count(c.Kind)
		st.archived(t, o, count-1)
		st.archived(t, o, count-1) // sent twice
		other := adapters.Object{Kind: c.Kind, ExternalID: st.Seed(c.Kind)}
		if st.Delete(other) {
			st.archived(t, other, count-1)
		}
	})
}

func archiveAnswerLost(t testing.TB, s Suite) {
	st := s.stage(t)
	s.eachKind(can(adapters.Archives), func(c adapters.Carriage) {
		o := adapters.Object{Kind: c.Kind, ExternalID: st.Seed(c.Kind)}
		count := st.Count(c.Kind)
		st.inject(Fault{AfterWork: true, Write: true})
		_, err := st.Archiver.Archive(within(t), archival(o))
		if f := faultIn(t, "an archive whose answer is lost", err); f.Category != fault.Transient || !f.MaybeDone {
			t.Errorf("an archive whose answer is lost: %v, maybe done %v; want transient and maybe done", err, f.MaybeDone)
		}
		st.archived(t, o, count-1)
	})
}

func archiveFaults(t testing.TB, s Suite) {
	st := s.stage(t)
	s.eachKind(can(adapters.Archives), func(c adapters.Carriage) {
		o := adapters.Object{Kind: c.Kind, ExternalID: st.Seed(c.Kind)}
		count := st.Count(c.Kind)
		for _, each := range failures {
			if each.category == fault.Gone {
				continue // then it is archived
			}
			each.fault.Write = true
			st.inject(each.fault)
			_, err := st.Archiver.Archive(within(t), archival(o))
			if f := judge(t, "archive, "+each.fault.String(), err, each.fault, each.category); f.MaybeDone != each.maybeDone {
				t.Errorf("archive, %s: maybe done is %v, want %v", each.fault, f.MaybeDone, each.maybeDone)
			}
		}
		st.archived(t, o, count-1)
	})
}

// A login page that is answered with 200 archives nothing, whichever of the adapter's calls gets it.
func strangeArchive(t testing.TB, s Suite) {
	st := s.stage(t)
	for what, body := range map[string]string{"a page": "<html><body>Sign in</body></html>", "nothing": "", "an empty object": "{}"} {
		s.eachKind(can(adapters.Archives), func(c adapters.Carriage) {
			for number := 1; ; number++ {
				o := adapters.Object{Kind: c.Kind, ExternalID: st.Seed(c.Kind)}
				count, before := st.Count(c.Kind), len(st.calls.made())
				st.calls.answering(number, body)
				_, err := st.Archiver.Archive(within(t), archival(o))
				if len(st.calls.made())-before < number {
					return
				}
				of := fmt.Sprintf("archive of a %s, call %d answered 200 with %s", c.Kind, number, what)
				if f := faultIn(t, of, err); f.Category != fault.Transient {
					t.Errorf("%s: %v, want a transient fault", of, err)
				}
				if st.Count(c.Kind) != count {
					t.Errorf("%s: there were %d, and now there are %d", of, count, st.Count(c.Kind))
				}
				st.archived(t, o, count-1)
			}
		})
	}
}
