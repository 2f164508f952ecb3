package canonhub_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"google.golang.org/protobuf/proto"

	canonhub "github.com/canonhub/canonhub/clients/go"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

func Example() {
	server := startHub(nil) // stands in for `go run ./hub serve`
	defer server.Close()

	hub, err := canonhub.Dial(server.Addr, canonhub.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer hub.Close()

	record, err := hub.Customers().Lookup(context.Background(), "stripe-eu", "cus_1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(record.GetId(), record.GetCustomer().GetEmail())
	// Output: customer_01h455vb4pex5vsknk084sn02q ada@example.com
}

func ExampleRecords_Get() {
	server := startHub(nil)
	defer server.Close()
	hub, err := canonhub.Dial(server.Addr, canonhub.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer hub.Close()

	ctx := canonhub.WithCorrelationID(context.Background(), "nightly-report-7")
	_, err = hub.Customers().Get(ctx, "customer_01h455vb4pex5vsknk084sn02x")
	switch {
	case canonhub.IsNotFound(err):
		fmt.Println("no such customer")
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println(err)
	// Output:
	// no such customer
	// canonhub: NotFound (RECORD_NOT_FOUND): no record has this id [correlation id nightly-report-7]
}

func ExampleRecords_List() {
	server := startHub(nil)
	defer server.Close()
	hub, err := canonhub.Dial(server.Addr, canonhub.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer hub.Close()

	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for record, err := range hub.Customers().List(context.Background(), canonhub.ListOptions{UpdatedFrom: since}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(record.GetCustomer().GetEmail())
	}
	// Output:
	// ada@example.com
	// grace@example.com
	// alan@example.com
}

func ExampleRecords_Explain() {
	server := startHub(nil)
	defer server.Close()
	hub, err := canonhub.Dial(server.Addr, canonhub.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer hub.Close()

	explanation, err := hub.Customers().Explain(context.Background(), "customer_01h455vb4pex5vsknk084sn02q")
	if err != nil {
		log.Fatal(err)
	}
	for _, attribute := range explanation.GetAttributes() {
		fmt.Printf("%s is from %s, by %s\n", attribute.GetPath(), attribute.GetWinner().GetSource(), attribute.GetRule().GetMode())
	}
	// Output: email is from crm, by authority
}

func ExampleRecords_Update() {
	server := startHub(nil)
	defer server.Close()
	hub, err := canonhub.Dial(server.Addr, canonhub.WithInsecure(), canonhub.WithAPIKey("key-of-billing"))
	if err != nil {
		log.Fatal(err)
	}
	defer hub.Close()

	written, err := hub.Customers().Update(context.Background(), canonhub.Update[*canonicalv1.Customer]{
		ID:         "customer_01h455vb4pex5vsknk084sn02q",
		Attributes: &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: proto.String("Ada Lovelace")}, Email: proto.String("ada@billing.example")},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, outcome := range written.Outcomes {
		if outcome.GetResult() != hubv1.WriteResult_WRITE_RESULT_ACCEPTED {
			fmt.Println(outcome.GetPath(), outcome.GetResult(), outcome.GetReason())
		}
	}
	// Output: email WRITE_RESULT_REFUSED not_authority
}

func ExampleRecords_Update_strict() {
	server := startHub(nil)
	defer server.Close()
	hub, err := canonhub.Dial(server.Addr, canonhub.WithInsecure(), canonhub.WithAPIKey("key-of-billing"))
	if err != nil {
		log.Fatal(err)
	}
	defer hub.Close()

	_, err = hub.Customers().Update(context.Background(), canonhub.Update[*canonicalv1.Customer]{
		ID:           "customer_01h455vb4pex5vsknk084sn02q",
		Attributes:   &canonicalv1.Customer{Email: proto.String("ada@billing.example")},
		WriteOptions: canonhub.WriteOptions{Strict: true},
	})
	var refused *canonhub.Error
	if errors.As(err, &refused) {
		for _, r := range refused.Refused {
			fmt.Println(r.Field, "-", r.Description)
		}
	}
	// Output: email - not_authority, the value is crm's
}

func ExampleRecords_BatchUpdate() {
	server := startHub(nil)
	defer server.Close()
	hub, err := canonhub.Dial(server.Addr, canonhub.WithInsecure(), canonhub.WithAPIKey("key-of-billing"))
	if err != nil {
		log.Fatal(err)
	}
	defer hub.Close()

	name := func(id, full string) canonhub.Update[*canonicalv1.Customer] {
		return canonhub.Update[*canonicalv1.Customer]{ID: id, Attributes: &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: proto.String(full)}}}
	}
	results, err := hub.Customers().BatchUpdate(context.Background(),
		name("customer_01h455vb4pex5vsknk084sn02q", "Ada Lovelace"), name("customer_01h455vb4pex5vsknk084sn02r", "Grace Hopper"))
	if err != nil {
		log.Fatal(err)
	}
	for _, result := range results {
		fmt.Println(result.Err == nil && result.Accepted())
	}
	// Output:
	// true
	// true
}

func ExampleRecords_Merge() {
	server := startHub(nil)
	defer server.Close()
	hub, err := canonhub.Dial(server.Addr, canonhub.WithInsecure(), canonhub.WithAPIKey("key-of-support"))
	if err != nil {
		log.Fatal(err)
	}
	defer hub.Close()

	ctx := context.Background()
	one, err := hub.Customers().Merge(ctx, "customer_01h455vb4pex5vsknk084sn02r", "customer_01h455vb4pex5vsknk084sn02q", "one person")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(one.GetId(), "lives on")
	other, err := hub.Customers().Unmerge(ctx, "customer_01h455vb4pex5vsknk084sn02r", "a namesake")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(other.GetId(), "is itself again")
	// Output:
	// customer_01h455vb4pex5vsknk084sn02q lives on
	// customer_01h455vb4pex5vsknk084sn02r is itself again
}

func ExampleClient_Reviews() {
	server := startHub(nil)
	defer server.Close()
	hub, err := canonhub.Dial(server.Addr, canonhub.WithInsecure(), canonhub.WithAPIKey("key-of-support"))
	if err != nil {
		log.Fatal(err)
	}
	defer hub.Close()

	ctx := context.Background()
	page, err := hub.Reviews().ListReviews(ctx, &hubv1.ListReviewsRequest{Kind: "customer", Reason: hubv1.ReviewReason_REVIEW_REASON_HELD})
	if err != nil {
		log.Fatal(err)
	}
	for _, review := range page.GetReviews() {
		resolved, err := hub.Reviews().ResolveReview(ctx, &hubv1.ResolveReviewRequest{Id: review.GetId(), Why: "asked her",
			Choice: &hubv1.ResolveReviewRequest_Take{Take: &hubv1.TakeSide{Source: "crm"}}})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(review.GetPath(), resolved.GetResolution(), resolved.GetWhy())
	}
	// Output: phone REVIEW_RESOLUTION_RESOLVED asked her
}

func ExampleReasonOf() {
	server := startHub(nil)
	defer server.Close()
	hub, err := canonhub.Dial(server.Addr, canonhub.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer hub.Close()

	_, err = hub.Customers().Lookup(context.Background(), "stripe-eu", "cus_2")
	switch canonhub.ReasonOf(err) {
	case hubv1.ErrorReason_ERROR_REASON_LINK_NOT_FOUND:
		fmt.Println("not synced yet")
	case hubv1.ErrorReason_ERROR_REASON_CONNECTION_NOT_FOUND:
		fmt.Println("check the connection's name")
	}
	// Output: not synced yet
}

func ExampleClient_Watch() {
	server := startHub(nil)
	defer server.Close()
	hub, err := canonhub.Dial(server.Addr, canonhub.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer hub.Close()

	token := "" // as it was kept; empty for the first time
	for m, err := range hub.Watch(context.Background(), canonhub.WatchOptions{Kinds: []string{"customer"}, Token: token, Snapshot: token == ""}) {
		if canonhub.IsTokenOutOfRange(err) {
			log.Fatal("away for too long: drop what is kept, and begin without a token")
		}
		if err != nil {
			log.Fatal(err)
		}
		switch {
		case m.GetSnapshot() != nil:
			fmt.Println("there is", m.GetSnapshot().GetCustomer().GetCustomer().GetEmail())
		case m.GetSnapshotEnd() != nil:
			fmt.Println("that is all")
		case m.GetChange() != nil:
			fmt.Println("changed:", m.GetChange().GetCustomer().GetCustomer().GetEmail(), m.GetChange().GetPaths())
		}
		token = m.GetToken() // keep it with what was made of the message
		if m.GetChange() != nil {
			break
		}
	}
	// Output:
	// there is ada@example.com
	// there is grace@example.com
	// that is all
	// changed: alan@example.com [email]
}

func ExampleRecords_Revisions() {
	server := startHub(nil)
	defer server.Close()
	hub, err := canonhub.Dial(server.Addr, canonhub.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer hub.Close()

	for revision, err := range hub.Customers().Revisions(context.Background(), "customer_01h455vb4pex5vsknk084sn02q") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(revision.Revision, revision.Source, revision.Record.GetCustomer().GetEmail())
	}
	// Output:
	// 3 crm ada@example.com
	// 2 stripe-eu ada@example.org
}
