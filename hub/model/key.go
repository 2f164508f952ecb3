package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// Key is a value as the index of promoted attributes has it: keys of one type order, byte by byte, as their values do.
// Its first byte tells the type.
type Key []byte

// Type is what a promoted attribute's values are.
type Type byte

// The types. Custom is for attributes whose values tell theirs themselves.
const (
	Text   Type = 't'
	Flag   Type = 'b'
	Number Type = 'n'
	Time   Type = 'c'
	Enum   Type = 'e'
	Custom Type = 0
)

const (
	// maxText bounds a text in the index. A longer one is there by its first bytes and its hash: whether it is the same
	// text can be told, and its place among others that begin alike cannot.
	maxText = 256
	// longMark is in no UTF-8 text, so that no short text has a long one's key.
	longMark = 0xFF
	// maxFraction and maxWhole are the digits after the decimal point, and before it, that a number may have: enough for
	// CustomValue.decimal and for Money.
	maxFraction, maxWhole = 12, 19
)

// TextKey is the key of a text.
func TextKey(text string) Key {
	if len(text) <= maxText {
		return append(Key{byte(Text)}, text...)
	}
	hash := sha256.Sum256([]byte(text))
	k := append(Key{byte(Text)}, text[:maxText-len(hash)-1]...)
	return append(append(k, longMark), hash[:]...)
}

// FlagKey is the key of a flag.
func FlagKey(flag bool) Key {
	if flag {
		return Key{byte(Flag), 1}
	}
	return Key{byte(Flag), 0}
}

// EnumKey is the key of an enum's number.
func EnumKey(number int32) Key {
	return binary.BigEndian.AppendUint32(Key{byte(Enum)}, uint32(number)^1<<31)
}

// TimeKey is the key of a time, to the nanosecond.
func TimeKey(t time.Time) Key {
	k := binary.BigEndian.AppendUint64(Key{byte(Time)}, uint64(t.Unix())^1<<63)
	return binary.BigEndian.AppendUint32(k, uint32(t.Nanosecond()))
}

// timeKeyLength is what a time's key has; a longer key is just after that time.
const timeKeyLength = 13

// Time is the first time whose key is not before k; false where k is a bound of all times.
func (k Key) Time() (time.Time, bool) {
	if len(k) < timeKeyLength || k[0] != byte(Time) {
		return time.Time{}, false
	}
	nanos := int64(binary.BigEndian.Uint32(k[9:]))
	if len(k) > timeKeyLength {
		nanos++
	}
	return time.Unix(int64(binary.BigEndian.Uint64(k[1:])^1<<63), nanos).UTC(), true
}

// NumberKey is the key of a decimal in plain notation, such as -12.50.
func NumberKey(decimal string) (Key, error) {
	digits, negative := strings.CutPrefix(decimal, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if whole == "" || point && fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return nil, fmt.Errorf("%q is no decimal number", decimal)
	}
	if len(whole) > maxWhole || len(fraction) > maxFraction {
		return nil, fmt.Errorf("a number has at most %d digits before its point and %d after it", maxWhole, maxFraction)
	}
	n, _ := new(big.Int).SetString(whole+fraction+strings.Repeat("0", maxFraction-len(fraction)), 10)
	if negative {
		n.Neg(n)
	}
	return numberKey(n), nil
}

// amountKey is the key of units and billionths.
func amountKey(units int64, nanos int32) Key {
	n := new(big.Int).Mul(big.NewInt(units), big.NewInt(1e9))
	n.Add(n, big.NewInt(int64(nanos)))
	return numberKey(n.Mul(n, big.NewInt(1e3)))
}

// numberKey is of a count of 10^-12: fixed point, moved so that negative ones come first.
func numberKey(n *big.Int) Key {
	k := make(Key, 17)
	k[0] = byte(Number)
	new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), 127)).FillBytes(k[1:])
	return k
}

// next is the first key after k.
func (k Key) next() Key { return append(bytes.Clone(k), 0) }

// Span is the keys from From (inclusive) until Until (exclusive); nil leaves a side open. The zero Span is all keys.
type Span struct{ From, Until Key }

// Exactly is the span of = k. This and the other comparisons are among the values of k's type.
func Exactly(k Key) Span { return Span{k, k.next()} }

// Below is the span of < k.
func Below(k Key) Span { return Span{k[:1], k} }

// UpTo is the span of <= k.
func UpTo(k Key) Span { return Span{k[:1], k.next()} }

// Above is the span of > k.
func Above(k Key) Span { return Span{k.next(), Key{k[0] + 1}} }

// From is the span of >= k.
func From(k Key) Span { return Span{k, Key{k[0] + 1}} }

// And is what is in both spans; where nothing is, Until is not after From.
func (s Span) And(other Span) Span {
	if bytes.Compare(other.From, s.From) > 0 {
		s.From = other.From
	}
	if s.Until == nil || other.Until != nil && bytes.Compare(other.Until, s.Until) < 0 {
		s.Until = other.Until
	}
	return s
}
