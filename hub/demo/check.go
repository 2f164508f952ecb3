package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	canonhub "github.com/canonhub/canonhub/clients/go"
)

// patience is how long the demo waits for something to become so.
const patience = 30 * time.Second

// stop is a failure that waiting does not mend.
type stop struct{ error }

// until waits until check passes, and tells its last failure where it never does.
func (s *stage) until(ctx context.Context, what string, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		var final stop
		if err == nil || errors.As(err, &final) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for this: %s: %w", what, err)
		case <-tick.C:
		}
	}
}

// get reads from the hub over REST.
func (s *stage) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.httpAddr+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s answered %s: %.300s", path, resp.Status, body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// customerRecord is what the demo reads of a record over REST.
type customerRecord struct {
	ID       string `json:"id"`
	Revision string `json:"revision"`
	Customer struct {
		Name struct {
			Full string `json:"full"`
		} `json:"name"`
		Email string `json:"email"`
		Phone string `json:"phone"`
	} `json:"customer"`
}

// overGRPC checks that an internal service reads the same.
func (s *stage) overGRPC(ctx context.Context, want customerRecord) error {
	client, err := canonhub.Dial(s.grpcAddr, canonhub.WithInsecure())
	if err != nil {
		return err
	}
	defer client.Close()
	got, err := client.Customers().Get(ctx, want.ID)
	if err != nil {
		return fmt.Errorf("read the record over gRPC: %w", err)
	}
	if email := got.GetCustomer().GetEmail(); email != want.Customer.Email || got.GetId() != want.ID {
		return fmt.Errorf("gRPC has %s with %q, REST %q", got.GetId(), email, want.Customer.Email)
	}
	s.t.saw("gRPC, by the Go client, has the same")
	return nil
}

// explanation is what the demo reads of an explanation over REST.
type explanation struct {
	Attributes []struct {
		Path   string `json:"path"`
		Value  any    `json:"value"`
		Winner struct {
			Source string `json:"source"`
		} `json:"winner"`
		Rule struct {
			Mode string `json:"mode"`
		} `json:"rule"`
		StandIn bool `json:"standIn"`
		Lost    []struct {
			Claim struct {
				Source string `json:"source"`
				Value  any    `json:"value"`
			} `json:"claim"`
			Reason string `json:"reason"`
		} `json:"lost"`
	} `json:"attributes"`
	Targets []struct {
		Connection string `json:"connection"`
		State      string `json:"state"`
	} `json:"targets"`
}

// lookup reads the record that a Stripe customer is linked to.
func (s *stage) lookup(ctx context.Context, stripeID string) (customerRecord, error) {
	var r customerRecord
	err := s.get(ctx, "/v1/customers:lookup?connection=stripe&external_id="+stripeID, &r)
	return r, err
}

// agreed waits until the hub says of every target that has the customer that it holds what it should.
func (s *stage) agreed(ctx context.Context, id string) error {
	return s.until(ctx, "all targets agree", func() error {
		var e explanation
		if err := s.get(ctx, "/v1/customers/"+id+":explain", &e); err != nil {
			return err
		}
		for _, target := range e.Targets {
			if target.State != "TARGET_STATE_AGREES" && target.State != "TARGET_STATE_NOT_CREATED" {
				return fmt.Errorf("%s is %s", target.Connection, target.State)
			}
		}
		return nil
	})
}
