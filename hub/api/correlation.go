package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// correlationHeader carries the correlation id, in both directions and at both doors.
const correlationHeader = "x-correlation-id"

// saneCorrelation is what a caller may choose: it ends up in rows, log lines and headers.
var saneCorrelation = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/=+-]{0,127}$`)

type correlationKey struct{}

// correlate takes the caller's correlation id, or makes one, and answers with it.
func correlate(ctx context.Context, _ string, next func(context.Context) error) error {
	id := ""
	if sent := metadata.ValueFromIncomingContext(ctx, correlationHeader); len(sent) == 1 {
		id = sent[0]
	}
	id = saneOrNew(id)
	_ = grpc.SetHeader(ctx, metadata.Pairs(correlationHeader, id)) // fails after the headers are sent: nothing was yet
	return next(context.WithValue(ctx, correlationKey{}, id))
}

func saneOrNew(id string) string {
	if saneCorrelation.MatchString(id) {
		return id
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand.Read crashes the program rather than return an error
	return "c_" + hex.EncodeToString(b[:])
}

func correlationOf(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}
