package sandbox

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// maxCost is what no call may exceed, on any plan.
const maxCost = 1000

// bucket holds points, which come back steadily.
type bucket struct {
	left float64
	at   time.Time
}

// run performs an operation.
func (s *Server) run(op operation) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	cost := 0
	for _, f := range op.fields {
		if cost += costOf(f); op.mutation {
			cost += 10
		}
	}
	a := answer{Extensions: map[string]any{}}
	switch {
	case cost > maxCost:
		a.Errors = []problem{coded("MAX_COST_EXCEEDED", fmt.Sprintf("Query cost is %d, which exceeds the single query max cost limit (%d).", cost, maxCost))}
		return a
	case !s.take(float64(cost)):
		a.Errors = []problem{coded("THROTTLED", "Throttled")}
	default:
		a.Data = map[string]any{}
		for _, f := range op.fields {
			value, err := s.root(op, f, a.Extensions)
			if err == nil {
				value, err = project(value, f)
			}
			if err != nil {
				var p problem
				if !errors.As(err, &p) {
					p = coded("INTERNAL_SERVER_ERROR", "Internal error. Looks like something went wrong on our end.")
				}
				p.Path = []string{f.name}
				a.Data, a.Errors = nil, append(a.Errors, p)
				break
			}
			a.Data[f.name] = value
		}
	}
	a.Extensions["cost"] = s.status(cost)
	return a
}

// take pays for a call.
func (s *Server) take(cost float64) bool {
	if s.options.Points == 0 {
		return true
	}
	now := s.options.Now()
	s.bucket.left = math.Min(s.options.Points, s.bucket.left+now.Sub(s.bucket.at).Seconds()*s.options.Restore)
	s.bucket.at = now
	if s.bucket.left < cost {
		return false
	}
	s.bucket.left -= cost
	return true
}

func (s *Server) status(cost int) map[string]any {
	size, left, restore := s.options.Points, s.bucket.left, s.options.Restore
	if size == 0 {
		size, left, restore = 20_000, 20_000, 1000
	}
	return map[string]any{"requestedQueryCost": cost, "actualQueryCost": cost,
		"throttleStatus": map[string]any{"maximumAvailable": size, "currentlyAvailable": math.Floor(left), "restoreRate": restore}}
}

// costOf is a field's price: an object is one point, a connection as many as it might have, each with all in it.
func costOf(f field) int {
	if f.fields == nil {
		return 0
	}
	inside := 0
	for _, one := range f.fields {
		inside += costOf(one)
	}
	if first, ok := number(f.args["first"]); ok {
		return 2 + int(first)*inside
	}
	return 1 + inside
}

// root performs one field of the root.
func (s *Server) root(op operation, f field, extensions map[string]any) (any, error) {
	if op.mutation {
		change, ok := s.mutations()[f.name]
		if !ok {
			return nil, coded("undefinedField", "Field '"+f.name+"' doesn't exist on type 'Mutation'")
		}
		return change(f.args)
	}
	switch f.name {
	case "shop":
		return &thing{"Shop", map[string]any{"myshopifyDomain": s.options.Domain}}, nil
	case "customer":
		return s.customerThing(s.customers[local("Customer", f.args["id"])]), nil
	case "order":
		return s.orderThing(s.orders[local("Order", f.args["id"])]), nil
	case "customerByIdentifier":
		return s.byIdentifier(f.args["identifier"])
	case "customers":
		var all []entry
		for _, c := range sorted(s.customers) {
			all = append(all, entry{c.ID, c.UpdatedAt, func() *thing { return s.customerThing(c) }})
		}
		return s.search(all, f, extensions)
	case "customersCount":
		return s.count(len(s.customers), f), nil
	case "ordersCount":
		return s.count(len(s.orders), f), nil
	case "orders":
		var all []entry
		for _, o := range sorted(s.orders) {
			all = append(all, entry{o.ID, o.UpdatedAt, func() *thing { return s.orderThing(o) }})
		}
		return s.search(all, f, extensions)
	}
	return nil, coded("undefinedField", "Field '"+f.name+"' doesn't exist on type 'QueryRoot'")
}

// count is how many there are. It ends at a limit, which is 10,000 unless another one, or none, is asked for.
func (s *Server) count(n int, f field) *thing {
	limit, precision := 10_000, "EXACT"
	if given, ok := number(f.args["limit"]); ok {
		limit = int(given)
	} else if f.args["limit"] == "null" {
		limit = n
	}
	if s.options.CountsTo > 0 {
		limit = min(limit, s.options.CountsTo)
	}
	if n > limit {
		n, precision = limit, "AT_LEAST"
	}
	return &thing{"Count", map[string]any{"count": n, "precision": precision}}
}
