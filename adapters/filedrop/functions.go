package filedrop

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/canonhub/canonhub/adapters/money"
	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// function is one of texts that makes a text or something else of them.
func function(name string, arguments int, makes *cel.Type, do func(texts []string) ref.Val) cel.EnvOption {
	takes := make([]*cel.Type, arguments)
	for i := range takes {
		takes[i] = cel.StringType
	}
	return cel.Function(name, cel.Overload(fmt.Sprintf("filedrop_%s_%d", name, arguments), takes, makes, cel.FunctionBinding(func(args ...ref.Val) ref.Val {
		texts := make([]string, len(args))
		for i, arg := range args {
			text, is := arg.(types.String)
			if !is {
				return types.MaybeNoSuchOverloadErr(arg)
			}
			texts[i] = strings.TrimSpace(string(text))
		}
		return do(texts)
	})))
}

// textOr is a text, or why it could not be made.
func textOr(text string, err error) ref.Val {
	if err != nil {
		return types.WrapErr(failed{err.Error()})
	}
	return types.String(text)
}

func (l *language) functions() []cel.EnvOption {
	text, amount := cel.StringType, moneyType.is
	return []cel.EnvOption{
		function("decimal", 1, text, func(t []string) ref.Val { return textOr(l.plain(t[0])) }),
		function("money", 2, amount, func(t []string) ref.Val { return l.money(t[0], t[1]) }),
		function("date", 2, cel.TimestampType, func(t []string) ref.Val { return date(t[0], t[1], l.zone) }),
		function("date", 3, cel.TimestampType, func(t []string) ref.Val {
			zone, err := time.LoadLocation(t[2])
			if err != nil {
				return types.WrapErr(failed{"it is in no time zone that is known"})
			}
			return date(t[0], t[1], zone)
		}),
		function("phone", 1, text, func(t []string) ref.Val { return textOr(normal.Phone(t[0], "")) }),
		function("phone", 2, text, func(t []string) ref.Val { return textOr(normal.Phone(t[0], strings.ToUpper(t[1]))) }),
		function("country", 1, text, func(t []string) ref.Val { return country(t[0]) }),
		function("locale", 1, text, func(t []string) ref.Val { return locale(t[0]) }),
		cel.Function("choose", cel.Overload("filedrop_choose", []*cel.Type{text, cel.MapType(text, text)}, text, cel.BinaryBinding(choose))),
		cel.Function("amount", cel.Overload("filedrop_amount", []*cel.Type{amount}, text, cel.UnaryBinding(l.amount))),
		cel.Function("text", cel.Overload("filedrop_text", []*cel.Type{cel.TimestampType, text}, text, cel.BinaryBinding(l.writeTime))),
	}
}

// choose translates a word; one that is not in the list stays.
func choose(word, list ref.Val) ref.Val {
	if found, is := list.(traits.Mapper).Find(word); is {
		return found
	}
	return word
}

func country(name string) ref.Val {
	if name == "" {
		return types.String("")
	}
	code, ok := normal.Country(name)
	if !ok {
		return types.WrapErr(failed{"it is no country that is known"})
	}
	return types.String(code)
}

func locale(name string) ref.Val {
	if name == "" {
		return types.String("")
	}
	tag, ok := normal.Locale(name)
	if !ok {
		return types.WrapErr(failed{"it is no language that is known"})
	}
	return types.String(tag)
}

// Numbers with a comma or a dot before the decimals, and the other one, a blank or an apostrophe between thousands.
var (
	withComma = regexp.MustCompile(`^([0-9]+|[0-9]{1,3}(?:[.' \x{a0}\x{2009}\x{202f}’][0-9]{3})+)?(?:,([0-9]*))?$`)
	withDot   = regexp.MustCompile(`^([0-9]+|[0-9]{1,3}(?:[,' \x{a0}\x{2009}\x{202f}’][0-9]{3})+)?(?:\.([0-9]*))?$`)
)

// plain reads a number as the file writes it: with its decimal character, thousands set apart, the minus in front or
// behind. Thousands must be whole ones, so that 12.50 is not read as 1250.
func (l *language) plain(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	sign, digits := "", strings.TrimPrefix(text, "+")
	if cut, is := strings.CutPrefix(digits, "-"); is {
		sign, digits = "-", cut
	} else if cut, is := strings.CutSuffix(digits, "-"); is { // SAP's way
		sign, digits = "-", cut
	}
	form := withDot
	if l.decimal == ',' {
		form = withComma
	}
	parts := form.FindStringSubmatch(strings.TrimSpace(digits))
	if len(text) > 100 || parts == nil || parts[1]+parts[2] == "" {
		return "", fmt.Errorf("it is no number with %q before the decimals", l.decimal)
	}
	whole := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, parts[1])
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if parts[2] != "" {
		whole += "." + parts[2]
	}
	if strings.Trim(whole, "0.") == "" {
		sign = ""
	}
	return sign + whole, nil
}

func (l *language) money(text, code string) ref.Val {
	number, err := l.plain(text)
	if err != nil {
		return types.WrapErr(failed{err.Error()})
	}
	m := &canonicalv1.Money{}
	if number != "" {
		if m, err = money.FromDecimal(number, code); err != nil {
			return types.WrapErr(failed{"it is no amount: too large, too fine, or in no currency of ISO 4217"})
		}
	}
	return l.env.CELTypeAdapter().NativeToValue(m)
}

func (l *language) amount(value ref.Val) ref.Val {
	m, is := value.Value().(*canonicalv1.Money)
	if !is {
		return types.MaybeNoSuchOverloadErr(value)
	}
	if m.GetCurrencyCode() == "" {
		return types.String("")
	}
	return types.String(strings.Replace(money.ToDecimal(m), ".", string(l.decimal), 1))
}

// The parts of a pattern, in Go's form; and without them, where what is left may be no letter but the T of ISO 8601.
var (
	toLayout = strings.NewReplacer("YYYY", "2006", "YY", "06", "MM", "01", "DD", "02", "hh", "15", "mm", "04", "SSS", "000", "ss", "05", "Z", "Z07:00")
	toRest   = strings.NewReplacer("YYYY", "", "YY", "", "MM", "", "DD", "", "hh", "", "mm", "", "SSS", "", "ss", "", "Z", "")
)

// layout is Go's form of a pattern.
func layout(pattern string) (string, error) {
	rest := toRest.Replace(pattern)
	odd := strings.ContainsFunc(rest, func(r rune) bool { return r != 'T' && (unicode.IsLetter(r) || unicode.IsDigit(r)) })
	if odd || rest == pattern {
		return "", fmt.Errorf("%.40q is no pattern of a time; write it as DD.MM.YYYY or YYYY-MM-DDThh:mm:ssZ", pattern)
	}
	return toLayout.Replace(pattern), nil
}

func date(text, pattern string, zone *time.Location) ref.Val {
	if text == "" {
		return types.WrapErr(errEmpty)
	}
	form, err := layout(pattern)
	if err != nil {
		return types.WrapErr(failed{"the pattern of the time is none"})
	}
	at, err := time.ParseInLocation(form, text, zone)
	if err != nil {
		return types.WrapErr(failed{"it is no time of the form that is configured"})
	}
	return types.Timestamp{Time: at.UTC()}
}

func (l *language) writeTime(value, pattern ref.Val) ref.Val {
	at, is := value.(types.Timestamp)
	form, err := layout(string(pattern.(types.String)))
	switch {
	case !is:
		return types.MaybeNoSuchOverloadErr(value)
	case err != nil:
		return types.WrapErr(failed{err.Error()})
	case at.Unix() == 0:
		return types.String("") // what CEL has for a time that is not there
	}
	return types.String(at.In(l.zone).Format(form))
}
