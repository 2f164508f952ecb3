package converge_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// rest lets the world come to rest: nothing goes wrong any more, and all that was begun, told or lost comes in.
func (w *world) rest() {
	w.say("nothing happens any more; what is under way comes in")
	w.quiet = true
	for _, v := range w.vendors {
		v.trouble = nil
	}
	for len(w.tasks) > 0 {
		w.finish(w.tasks[0])
	}
	for _, r := range w.asked {
		w.again(r)
	}
	w.drain()
	w.listen()
	for _, v := range w.vendors {
		for _, o := range v.objects {
			if o.blurred {
				w.pull(v, o)
			}
		}
	}
	w.listen()
	w.redrive()
	w.listen()
}

// listen delivers events, and those that follow from these.
func (w *world) listen() {
	w.drain()
	for events := 0; ; {
		waiting := w.undelivered()
		if len(waiting) == 0 {
			return
		}
		for _, e := range waiting {
			w.deliver(e, "told")
		}
		w.drain()
		if events += len(waiting); events > 300 {
			w.fail("the systems keep telling of changes")
		}
	}
}

// pull has an object fetched, whatever was told of it.
func (w *world) pull(v *vendor, o *object) {
	for _, e := range v.sent {
		if e.object == o {
			w.deliver(e, "pulled")
			return
		}
	}
}

// redrive takes up again what was given up while vendors were in trouble, as a person would.
func (w *world) redrive() {
	w.facts.deliveries.each(func(key deliveryKey, d store.Delivery) {
		if d.State != store.Dead {
			return
		}
		w.say("the delivery of %s to %s is taken up again", short(key.id), key.connection)
		a := w.hubs[0].applier
		err := a.InTx(background, func(tx apply.Tx) error {
			b, err := tx.LockBundle(background, key.id)
			if err != nil {
				return err
			}
			_, err = a.Fold(background, tx, b, apply.Cause{Source: key.connection})
			return err
		})
		if err != nil {
			w.fail("take up a delivery again: %v", err)
		}
	})
}

// drain runs jobs until there are none. What waits for something else is looked at again as long as anything changes.
func (w *world) drain() {
	seen := map[string]bool{}
	for {
		w.run()
		now := w.fingerprint()
		if seen[now] || !w.sweep() {
			return
		}
		seen[now] = true
	}
}

// run runs jobs until there are none.
func (w *world) run() {
	pushes := w.pushed()
	for ran := 0; ; ran++ {
		var first job
		id := int64(0)
		w.facts.jobs.each(func(n int64, j job) {
			if id == 0 || j.runAt.Before(first.runAt) {
				id, first = n, j
			}
		})
		switch {
		case id == 0:
			return
		case w.pushed() > pushes+200:
			w.fail("the hub pushes and pushes")
		case ran > 2000:
			w.fail("the work comes to no end: %s", first)
		}
		if first.runAt.After(w.now) {
			w.now = first.runAt
		}
		w.aside("- %s", first)
		w.finish(w.work(w.hubs[ran%len(w.hubs)], id))
	}
}

// sweep gives jobs to the deliveries that wait for something, and says whether there were any.
func (w *world) sweep() bool {
	found := false
	w.facts.put(func(t *tx) {
		w.facts.deliveries.each(func(key deliveryKey, d store.Delivery) {
			if d.State == store.Blocked {
				found = true
				queue{w.facts}.add(t, job{deliver: jobs.DeliverArgs{RecordID: key.id, Connection: key.connection}})
			}
		})
	})
	return found
}

func (w *world) pushed() int {
	n := 0
	for _, v := range w.vendors {
		n += v.pushes
	}
	return n
}

// fingerprint tells what the hub knows apart, but for when and how often it was told. References to what was merged are
// rewritten when it happens, which counts a revision.
func (w *world) fingerprint() string {
	sum, redirects := sha256.New(), w.redirects()
	w.facts.records.each(func(id store.RecordID, r store.Record) {
		m := proto.Clone(r.Message)
		view.Redirect(model.For(r.Kind), m, redirects)
		fmt.Fprintln(sum, id, tell(m), r.Placeholder, r.DeletedAt.IsZero(), r.MergedInto)
		if r.Kind == model.Customer {
			fmt.Fprintln(sum, r.Revision)
		}
	})
	w.facts.links.each(func(key store.LinkKey, l store.Link) { fmt.Fprintln(sum, key, l.RecordID, l.State, l.Primary) })
	w.facts.deliveries.each(func(key deliveryKey, d store.Delivery) { fmt.Fprintln(sum, key, d.State, d.Reason) })
	return string(sum.Sum(nil))
}

// echoes tells the hubs once more all that they know: as events that come again, and as reads.
func (w *world) echoes() {
	before, pushed := w.fingerprint(), w.pushed()
	w.say("everything is told once more")
	w.wait(2 * time.Hour)
	for _, v := range w.vendors {
		for _, e := range slices.Clone(v.sent) {
			if !e.object.blurred { // of these, an older event may be news
				w.deliver(e, "told")
			}
		}
	}
	w.listen()
	for _, v := range w.vendors {
		for _, o := range v.objects {
			w.pull(v, o)
		}
	}
	w.listen()
	if w.pushed() != pushed {
		w.fail("another round of echoes led to %d pushes", w.pushed()-pushed)
	}
	if w.fingerprint() != before {
		w.fail("another round of echoes changed what the hub knows")
	}
}
