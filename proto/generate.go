// Package proto holds canonhub's schema and generates the code in gen/ from it.
package proto

//go:generate go run ./internal/deps
//go:generate go -C .. tool -modfile=proto/tools.mod buf format -w proto
//go:generate go -C .. tool -modfile=proto/tools.mod buf generate
//go:generate go run ./internal/openapi
