package model_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/model"
)

// Without its broken attributes a message is valid and can be written in JSON, whatever was wrong with it.
func TestWithoutWhatIsBrokenAMessageIsValid(t *testing.T) {
	t.Parallel()
	milliseconds := &timestamppb.Timestamp{Seconds: 1721954054000}
	for name, c := range map[string]struct {
		message proto.Message
		want    []model.Path
	}{
		"nothing": {&canonicalv1.Customer{Email: proto.String("ada@example.com")}, nil},
		"a form":  {&canonicalv1.Customer{Email: proto.String("ada"), Phone: proto.String("+4930901820")}, []model.Path{"email"}},
		"a part": {&canonicalv1.Customer{BillingAddress: &canonicalv1.Address{CountryCode: proto.String("Germany"), City: proto.String("Berlin")}},
			[]model.Path{"billing_address.country_code"}},
		"raw text of an enum": {&canonicalv1.Invoice{StatusRaw: proto.String(string(make([]byte, 501)))}, []model.Path{"status"}},
		"a time":              {&canonicalv1.Invoice{DueTime: milliseconds, Number: proto.String("R-1")}, []model.Path{"due_time"}},
		"a time in a line":    {&canonicalv1.Invoice{Lines: []*canonicalv1.Line{{}, {PeriodEnd: milliseconds}}}, []model.Path{"lines"}},
		"a custom time": {&canonicalv1.Customer{Custom: map[string]*canonicalv1.CustomValue{"since": {Value: &canonicalv1.CustomValue_Time{Time: milliseconds}}}},
			[]model.Path{"custom.since"}},
		"two": {&canonicalv1.Invoice{CurrencyCode: proto.String("euro"), IssueTime: &timestamppb.Timestamp{Nanos: -1}}, []model.Path{"currency_code", "issue_time"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema := model.For(model.KindOf(c.message))
			var got []model.Path
			for _, b := range schema.Broken(c.message) {
				if b.Reason == "" {
					t.Errorf("%s has no reason", b.Path)
				}
				got = append(got, b.Path)
				schema.Clear(c.message, b.Path)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("broken is %v, want %v", got, c.want)
			}
			if left := schema.Broken(c.message); left != nil {
				t.Errorf("cleared, and still broken: %v", left)
			}
			if _, err := protojson.Marshal(c.message); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestForeignFindsPointersToWhatHasNoRecords(t *testing.T) {
	t.Parallel()
	pointer := func(id string) *canonicalv1.Reference {
		return &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: id}}}
	}
	m := &canonicalv1.Invoice{Customer: pointer("cus_1"), Subscription: pointer("sub_1"),
		Lines: []*canonicalv1.Line{{Product: pointer("prod_1")}, {Variant: pointer("price_1")}}}
	var ids []string
	for external := range model.For(model.Invoice).Foreign(m) {
		ids = append(ids, external.GetExternalId())
	}
	slices.Sort(ids)
	if want := []string{"price_1", "prod_1", "sub_1"}; !slices.Equal(ids, want) {
		t.Errorf("found %v, want %v", ids, want)
	}
}
