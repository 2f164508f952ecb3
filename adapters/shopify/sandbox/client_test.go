package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/canonhub/canonhub/adapters/shopify/sandbox"
)

// What Shopify's own client does that the adapter does not: customers are made without an identifier, and lists are read
// by cursors.
func TestListsGoOnBehindACursor(t *testing.T) {
	t.Parallel()
	shop := sandbox.New(sandbox.Options{AccessToken: "t", ClientSecret: "s"})
	t.Cleanup(shop.Close)
	for i := range 3 {
		text := ask(t, shop, "mutation M($input: CustomerSetInput!) { customerSet(input: $input) { customer { id createdAt } userErrors { field message } } }",
			map[string]any{"input": map[string]any{"firstName": fmt.Sprint("Ada ", i)}})
		if !strings.Contains(text, "gid://shopify/Customer/") || !strings.Contains(text, `"createdAt":"20`) {
			t.Fatalf("customer %d: %s", i, text)
		}
	}
	if all := shop.Customers(); len(all) != 3 {
		t.Fatalf("there are %d customers", len(all))
	}
	const query = "query Q($after: String) { customers(first: 2, after: $after) { nodes { firstName } pageInfo { hasNextPage endCursor } } }"
	var seen []string
	var after any
	for range 2 {
		var in struct {
			Data struct {
				Customers struct {
					Nodes []struct {
						FirstName string `json:"firstName"`
					} `json:"nodes"`
					PageInfo struct {
						HasNextPage bool   `json:"hasNextPage"`
						EndCursor   string `json:"endCursor"`
					} `json:"pageInfo"`
				} `json:"customers"`
			} `json:"data"`
		}
		text := ask(t, shop, query, map[string]any{"after": after})
		if err := json.Unmarshal([]byte(text), &in); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		page := in.Data.Customers
		for _, c := range page.Nodes {
			seen = append(seen, c.FirstName)
		}
		if want := len(seen) < 3; page.PageInfo.HasNextPage != want {
			t.Errorf("behind %v there is more: %t", seen, page.PageInfo.HasNextPage)
		}
		after = page.PageInfo.EndCursor
	}
	if got := strings.Join(seen, ", "); got != "Ada 0, Ada 1, Ada 2" {
		t.Errorf("the pages hold %s", got)
	}
	if text := ask(t, shop, query, map[string]any{"after": "nowhere"}); !strings.Contains(text, "Invalid cursor") {
		t.Errorf("behind no cursor: %s", text)
	}
}

func ask(t *testing.T, shop http.Handler, query string, variables map[string]any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/admin/api/2026-10/graphql.json", strings.NewReader(string(body)))
	r.Header.Set("X-Shopify-Access-Token", "t")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	shop.ServeHTTP(w, r)
	return w.Body.String()
}
