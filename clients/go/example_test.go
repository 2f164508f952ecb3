package canonhub_test

import (
	"context"
	"fmt"
	"log"
	"time"

	canonhub "github.com/canonhub/canonhub/clients/go"
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
