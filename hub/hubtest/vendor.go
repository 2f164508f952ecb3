// Package hubtest is for the hub's own tests: a vendor in memory that does on request what vendors do at the worst
// moment, and a hub's workings on a real database without its doors.
package hubtest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// Vendor keeps customers with a name, an e-mail address and a phone number.
type Vendor struct {
	// Normalise changes what is written, as vendors do; nil leaves it.
	Normalise func(*canonicalv1.Customer)
	// BeforePush and AfterPush run around the work of a push; an error from AfterPush loses the answer.
	BeforePush, AfterPush func(adapters.Request) error
	// BeforePrepare is told of every patch.
	BeforePrepare func(adapters.Patch)
	// ForgetsKeys makes every idempotency key expire at once.
	ForgetsKeys bool
	// Once says that pulled objects are handed over.
	Once bool
	// Lag is how much later than its time a change may show in a pull.
	Lag time.Duration
	// Organisations says that customers have theirs, too.
	Organisations bool
	// BeforeFetchReturns runs after a fetch has read and before it returns.
	BeforeFetchReturns func()
	// BeforePull runs before a page is read; Rejected comes with each.
	BeforePull func(adapters.Query) error
	Rejected   []adapters.Rejected
	// Probed answers probes; nil is a vendor that takes the credentials.
	Probed func(context.Context) error

	mu      sync.Mutex
	clock   time.Time
	next    int
	objects map[adapters.ExternalID]*object
	keys    map[string]adapters.ExternalID
	// Pushes counts the calls; Creates those that made an object.
	pushes, creates int
}

type object struct {
	customer *canonicalv1.Customer
	recordID string
	at       time.Time
}

// NewVendor makes a vendor without customers.
func NewVendor() *Vendor {
	return &Vendor{clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), objects: map[adapters.ExternalID]*object{}, keys: map[string]adapters.ExternalID{}}
}

// Factory opens adapters to this vendor.
func (v *Vendor) Factory() adapters.Factory {
	vendorPaths := []string{"name", "email", "phone"}
	if v.Organisations {
		vendorPaths = append(vendorPaths, "organisation")
	}
	return adapters.Factory{
		Name: "memory",
		Carries: []adapters.Carriage{{Kind: "customer", In: vendorPaths, Out: vendorPaths, Create: true, Archive: true,
			Pull: adapters.Pull{MaxPage: 100, Changes: true, Once: v.Once, Lag: v.Lag}, Lacks: map[adapters.Ability]string{adapters.DeleteWebhooks: "it tells of none"}}},
		Open: func(adapters.Settings) (*adapters.Adapter, error) {
			return &adapters.Adapter{MappingVersion: 1, Translator: v, Fetcher: v, Puller: v, Pusher: v, Archiver: v, Prober: v}, nil
		},
	}
}

// tick moves the vendor's clock by a second and returns it.
func (v *Vendor) tick() time.Time {
	v.clock = v.clock.Add(time.Second)
	return v.clock
}

// Edit is what a user does: it makes or changes an object and returns what a webhook would carry of it.
func (v *Vendor) Edit(id adapters.ExternalID, change func(*canonicalv1.Customer)) adapters.Observation {
	v.mu.Lock()
	defer v.mu.Unlock()
	o := v.objects[id]
	if o == nil {
		o = &object{customer: &canonicalv1.Customer{}}
		v.objects[id] = o
	}
	change(o.customer)
	o.at = v.tick()
	return v.observation(id)
}

// Customer is an object as it is now; nil where there is none.
func (v *Vendor) Customer(id adapters.ExternalID) *canonicalv1.Customer {
	v.mu.Lock()
	defer v.mu.Unlock()
	if o := v.objects[id]; o != nil {
		return proto.Clone(o.customer).(*canonicalv1.Customer)
	}
	return nil
}

// Customers are all objects.
func (v *Vendor) Customers() []*canonicalv1.Customer {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []*canonicalv1.Customer
	for _, o := range v.objects {
		all = append(all, proto.Clone(o.customer).(*canonicalv1.Customer))
	}
	return all
}

// Pushes is how many pushes reached the vendor.
func (v *Vendor) Pushes() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.pushes
}

func (v *Vendor) observation(id adapters.ExternalID) adapters.Observation {
	o := v.objects[id]
	return adapters.Observation{
		Object:  adapters.Object{Kind: "customer", ExternalID: id},
		Message: proto.Clone(o.customer), At: o.at, RecordID: o.recordID, Raw: fmt.Appendf(nil, "%s %v", id, o.customer),
	}
}

// Translate reads an event whose body is a list of objects' ids, which must be fetched; after a semicolon the vendor may
// tell what it likes.
func (v *Vendor) Translate(e adapters.Event) (adapters.Translation, error) {
	ids, _, _ := strings.Cut(string(e.Body), ";")
	if ids == "" {
		return adapters.Translation{}, &fault.Error{Category: fault.Permanent, Op: "translate", Message: "the event names no object"}
	}
	var t adapters.Translation
	for id := range strings.FieldsSeq(ids) {
		t.Fetch = append(t.Fetch, adapters.Object{Kind: "customer", ExternalID: adapters.ExternalID(id)})
	}
	return t, nil
}

// Fetch reads an object's state.
func (v *Vendor) Fetch(_ context.Context, object adapters.Object) (adapters.Observation, error) {
	v.mu.Lock()
	if v.objects[object.ExternalID] == nil {
		v.mu.Unlock()
		return adapters.Observation{}, &fault.Error{Category: fault.Gone, Op: "fetch"}
	}
	read := v.observation(object.ExternalID)
	v.mu.Unlock()
	if v.BeforeFetchReturns != nil {
		v.BeforeFetchReturns()
	}
	return read, nil
}

// Probe works unless Probed says otherwise.
func (v *Vendor) Probe(ctx context.Context) error {
	if v.Probed != nil {
		return v.Probed(ctx)
	}
	return nil
}

// Prepare freezes a patch.
func (v *Vendor) Prepare(p adapters.Patch) (adapters.Request, error) {
	if v.BeforePrepare != nil {
		v.BeforePrepare(p)
	}
	sent, err := proto.Marshal(p.Message)
	if err != nil {
		return adapters.Request{}, err
	}
	body, err := json.Marshal(frozen{Paths: p.Paths, Message: sent})
	return adapters.Request{Kind: p.Kind, RecordID: p.RecordID, ExternalID: p.ExternalID, Key: p.Key, Body: body}, err
}

type frozen struct {
	Paths   []string
	Message []byte
}

// Push writes an object. A key that was used before has no further effect.
func (v *Vendor) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	if v.BeforePush != nil {
		if err := v.BeforePush(r); err != nil {
			return adapters.Ack{}, err
		}
	}
	ack, err := v.write(r)
	if err == nil && v.AfterPush != nil {
		err = v.AfterPush(r)
	}
	return ack, err
}

func (v *Vendor) write(r adapters.Request) (adapters.Ack, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pushes++
	id, seen := v.keys[r.Key]
	if !seen {
		var f frozen
		var sent canonicalv1.Customer
		if err := json.Unmarshal(r.Body, &f); err != nil {
			return adapters.Ack{}, err
		}
		if err := proto.Unmarshal(f.Message, &sent); err != nil {
			return adapters.Ack{}, err
		}
		id = r.ExternalID
		if id == "" {
			v.next++
			v.creates++
			id = adapters.ExternalID("made-" + strconv.Itoa(v.next))
			v.objects[id] = &object{customer: &canonicalv1.Customer{}, recordID: r.RecordID}
		}
		o := v.objects[id]
		if o == nil {
			return adapters.Ack{}, &fault.Error{Category: fault.Gone, Op: "push", Status: 404}
		}
		set(o.customer, &sent, f.Paths)
		if v.Normalise != nil {
			v.Normalise(o.customer)
		}
		o.at = v.tick()
		if !v.ForgetsKeys {
			v.keys[r.Key] = id
		}
	}
	return adapters.Ack{Observation: v.observation(id)}, nil
}

func set(to, from *canonicalv1.Customer, paths []string) {
	for _, path := range paths {
		switch path {
		case "name":
			to.Name = from.GetName()
		case "email":
			to.Email = from.Email
		case "phone":
			to.Phone = from.Phone
		case "organisation":
			to.Organisation = from.Organisation
		}
	}
}

// Archive takes an object out of use; nothing is told of it after that but that it is gone.
func (v *Vendor) Archive(_ context.Context, r adapters.Request) (adapters.Observation, error) {
	if v.BeforePush != nil {
		if err := v.BeforePush(r); err != nil {
			return adapters.Observation{}, err
		}
	}
	v.mu.Lock()
	v.pushes++
	delete(v.objects, r.ExternalID)
	at := v.tick()
	v.mu.Unlock()
	if v.AfterPush != nil {
		if err := v.AfterPush(r); err != nil {
			return adapters.Observation{}, err
		}
	}
	return adapters.Observation{Object: adapters.Object{Kind: r.Kind, ExternalID: r.ExternalID}, Gone: true, At: at}, nil
}

// Find looks for an object by our id.
func (v *Vendor) Find(_ context.Context, r adapters.Request) (*adapters.Observation, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for id, o := range v.objects {
		if o.recordID == r.RecordID {
			found := v.observation(id)
			return &found, nil
		}
	}
	return nil, nil
}

// ErrLost is a push whose answer never came.
func ErrLost() error {
	return &fault.Error{Category: fault.Transient, Op: "push", Message: "no answer", MaybeDone: true}
}

// LowerEmail normalises as many vendors do.
func LowerEmail(c *canonicalv1.Customer) {
	if c.Email != nil {
		c.Email = proto.String(strings.ToLower(c.GetEmail()))
	}
}

// Named makes a change that sets a customer's name and e-mail address.
func Named(name, email string) func(*canonicalv1.Customer) {
	return func(c *canonicalv1.Customer) {
		c.Name, c.Email = &canonicalv1.PersonName{Full: proto.String(name)}, proto.String(email)
	}
}

func newCustomer(prefix string, n int) *canonicalv1.Customer {
	c := &canonicalv1.Customer{}
	Named(fmt.Sprintf("%s %d", prefix, n), fmt.Sprintf("%s%d@example.com", prefix, n))(c)
	return c
}

// Phone makes a change that sets a customer's phone number.
func Phone(number string) func(*canonicalv1.Customer) {
	return func(c *canonicalv1.Customer) { c.Phone = proto.String(number) }
}

// String tells what is there, for failures.
func (v *Vendor) String() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var b strings.Builder
	for id, o := range v.objects {
		fmt.Fprintf(&b, "%s=%v ", id, o.customer)
	}
	return b.String()
}

// ID is the n-th external id with a prefix.
func ID(prefix string, n int) adapters.ExternalID {
	return adapters.ExternalID(fmt.Sprintf("%s%d", prefix, n))
}
