// Package canonhub is what a service imports to read canonical records from a hub, and to write them.
//
//	hub, err := canonhub.Dial("127.0.0.1:9090", canonhub.WithInsecure())
//	customer, err := hub.Customers().Lookup(ctx, "stripe-eu", "cus_1")
//
// A call without a deadline gets one of 10 seconds. Calls that change nothing, and writes, whose request id makes them
// count once, are made again where the hub cannot be reached, up to four times in all and within the deadline. What fails is an *Error; ReasonOf and IsNotFound look into
// it.
package canonhub

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

// maxAnswerBytes is the longest answer that a hub gives.
const maxAnswerBytes = 64 << 20

// Client is a connection to a hub. It is safe for concurrent use; a process needs one.
type Client struct {
	conn      *grpc.ClientConn
	customers *Records[*hubv1.CustomerRecord, *canonicalv1.Customer]
	orders    *Records[*hubv1.OrderRecord, *canonicalv1.Order]
	invoices  *Records[*hubv1.InvoiceRecord, *canonicalv1.Invoice]
	tickets   *Records[*hubv1.TicketRecord, *canonicalv1.Ticket]
}

// Dial makes a client of the hub at a target in gRPC's notation: `hub.internal:9090`, `dns:///hub.internal:9090`. It
// does not wait for a connection. Without WithInsecure the hub must have a certificate that the system's roots vouch
// for.
func Dial(target string, opts ...Option) (*Client, error) {
	s := settings{timeout: defaultTimeout, local: IsLocal(target)}
	for _, option := range opts {
		option(&s)
	}
	if err := s.check(target); err != nil {
		return nil, fmt.Errorf("canonhub: %w", err)
	}
	config, err := serviceConfig()
	if err != nil {
		return nil, fmt.Errorf("canonhub: %w", err)
	}
	// The order of the interceptors: errors are translated outermost, after all attempts; the deadline is for all
	// attempts together.
	dial := append([]grpc.DialOption{
		grpc.WithTransportCredentials(s.transport()),
		grpc.WithChainUnaryInterceptor(translateErrors, defaultDeadline(s.timeout), sendCorrelationID),
		grpc.WithDefaultServiceConfig(config),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswerBytes)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second, PermitWithoutStream: true}),
		grpc.WithUserAgent("canonhub-go"),
	}, s.dial...)
	if s.apiKey != nil {
		dial = append(dial, grpc.WithPerRPCCredentials(apiKey{key: *s.apiKey, local: s.local}))
	}
	conn, err := grpc.NewClient(target, dial...)
	if err != nil {
		return nil, fmt.Errorf("canonhub: %w", err)
	}
	c := &Client{conn: conn}
	if err := c.bind(); err != nil {
		return nil, errors.Join(fmt.Errorf("canonhub: %w", err), conn.Close())
	}
	return c, nil
}

// bind is the one place that a new kind is added to, beside its accessor.
func (c *Client) bind() error {
	var errs [4]error
	c.customers, errs[0] = newRecords[*hubv1.CustomerRecord, *canonicalv1.Customer](c.conn, hubv1.File_canonhub_hub_v1_customer_service_proto)
	c.orders, errs[1] = newRecords[*hubv1.OrderRecord, *canonicalv1.Order](c.conn, hubv1.File_canonhub_hub_v1_order_service_proto)
	c.invoices, errs[2] = newRecords[*hubv1.InvoiceRecord, *canonicalv1.Invoice](c.conn, hubv1.File_canonhub_hub_v1_invoice_service_proto)
	c.tickets, errs[3] = newRecords[*hubv1.TicketRecord, *canonicalv1.Ticket](c.conn, hubv1.File_canonhub_hub_v1_ticket_service_proto)
	return errors.Join(errs[:]...)
}

// Customers reads and writes customers.
func (c *Client) Customers() *Records[*hubv1.CustomerRecord, *canonicalv1.Customer] {
	return c.customers
}

// Orders reads and writes orders.
func (c *Client) Orders() *Records[*hubv1.OrderRecord, *canonicalv1.Order] { return c.orders }

// Invoices reads and writes invoices.
func (c *Client) Invoices() *Records[*hubv1.InvoiceRecord, *canonicalv1.Invoice] { return c.invoices }

// Tickets reads and writes tickets.
func (c *Client) Tickets() *Records[*hubv1.TicketRecord, *canonicalv1.Ticket] { return c.tickets }

// Reviews are the disagreements that the policy hands to a person.
func (c *Client) Reviews() hubv1.ReviewServiceClient { return hubv1.NewReviewServiceClient(c.conn) }

// Connections tells how connections do, and pauses them.
func (c *Client) Connections() hubv1.ConnectionServiceClient {
	return hubv1.NewConnectionServiceClient(c.conn)
}

// DeadLetters are what the hub gave up on.
func (c *Client) DeadLetters() hubv1.DeadLetterServiceClient {
	return hubv1.NewDeadLetterServiceClient(c.conn)
}

// Pulls tells how far connections have been read, and has them read.
func (c *Client) Pulls() hubv1.PullServiceClient { return hubv1.NewPullServiceClient(c.conn) }

// Credentials keeps credentials and webhook secrets of connections, in versions.
func (c *Client) Credentials() hubv1.CredentialServiceClient {
	return hubv1.NewCredentialServiceClient(c.conn)
}

// Retries tells what the hub will try again.
func (c *Client) Retries() hubv1.RetryServiceClient { return hubv1.NewRetryServiceClient(c.conn) }

// Drift tells where vendors say something else than what their adapters know.
func (c *Client) Drift() hubv1.DriftServiceClient { return hubv1.NewDriftServiceClient(c.conn) }

// Policies plans and activates policies.
func (c *Client) Policies() hubv1.PolicyServiceClient { return hubv1.NewPolicyServiceClient(c.conn) }

// Close ends the connection; running calls fail.
func (c *Client) Close() error { return c.conn.Close() }
