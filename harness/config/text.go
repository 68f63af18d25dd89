package config

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// problem is an Error that doesn't know its place yet.
type problem struct{ msg, hint string }

func wrong(format string, args ...any) *problem {
	return &problem{msg: fmt.Sprintf(format, args...)}
}

// fromText reads a value as a flag, a variable or a default tag spells it:
// lists of integers joined by commas, other lists and mappings as JSON.
func (s setting) fromText(text string) (reflect.Value, *problem) {
	v, p := s.decodeText(text)
	if p != nil {
		return v, p
	}
	return v, s.check(v)
}

func (s setting) decodeText(text string) (reflect.Value, *problem) {
	v := reflect.New(s.typ).Elem()
	var p *problem
	switch s.kind() {
	case "integers":
		p = intsFromText(v, text)
	case "numbers":
		p = numbersFromText(v, text)
	case "list":
		p = listFromText(v, text)
	case "mapping":
		var m map[string]string
		if json.Unmarshal([]byte(text), &m) != nil || m == nil {
			p = wrong(`expected a JSON object of strings such as {"NAME":"value"}`)
		}
		v.Set(reflect.ValueOf(m))
	default:
		p = s.scalar(v, text, strconv.Quote(text))
	}
	return v, p
}

func listFromText(v reflect.Value, text string) *problem {
	var list []*string // a null would pass for "" otherwise
	if json.Unmarshal([]byte(text), &list) != nil || list == nil || slices.Contains(list, nil) {
		return wrong(`expected a JSON list of strings such as ["server","--port","{port}"]`)
	}
	for _, e := range list {
		v.Set(reflect.Append(v, reflect.ValueOf(*e)))
	}
	return nil
}

func intsFromText(v reflect.Value, text string) *problem {
	if strings.TrimSpace(text) == "" {
		return wrong("the list is empty: expected integers such as 1024,2048")
	}
	var list []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return notInteger(strconv.Quote(strings.TrimSpace(part)))
		}
		list = append(list, n)
	}
	v.Set(reflect.ValueOf(list))
	return nil
}

func numbersFromText(v reflect.Value, text string) *problem {
	if strings.TrimSpace(text) == "" {
		return wrong("the list is empty: expected numbers such as 0.5,2")
	}
	var list []float64
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		x, p := finite(part, strconv.Quote(part))
		if p != nil {
			return p
		}
		list = append(list, x)
	}
	v.Set(reflect.ValueOf(list))
	return nil
}

func finite(text, shown string) (float64, *problem) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return 0, wrong("expected a number, got %s", shown)
	}
	return f, nil
}

func notInteger(shown string) *problem { return wrong("expected an integer, got %s", shown) }

// scalar reads text into v, a scalar of the setting's type; shown is the text
// as messages quote it.
func (s setting) scalar(v reflect.Value, text, shown string) *problem {
	switch s.kind() {
	case "text":
		v.SetString(text)
	case "true or false":
		if text != "true" && text != "false" {
			return wrong("expected true or false, got %s", shown)
		}
		v.SetBool(text == "true")
	case "duration":
		d, err := time.ParseDuration(text)
		if _, bare := strconv.ParseFloat(text, 64); err != nil || bare == nil {
			return wrong("expected a duration such as 30s, got %s", shown)
		}
		v.SetInt(int64(d))
	case "number":
		return floatFromText(v, text, shown)
	default:
		return integerFromText(v, text, shown)
	}
	return nil
}

func floatFromText(v reflect.Value, text, shown string) *problem {
	if text == "null" {
		v.SetZero()
		return nil
	}
	f, p := finite(text, shown)
	if p != nil {
		return p
	}
	v.Set(reflect.ValueOf(&f))
	return nil
}

// integerFromText takes decimal digits only: 010 is 8 in YAML and 10 to people.
func integerFromText(v reflect.Value, text, shown string) *problem {
	digits := strings.TrimPrefix(text, "-")
	if len(digits) > 1 && digits[0] == '0' {
		return wrong("expected an integer without leading zeros, got %s", shown)
	}
	if v.Kind() == reflect.Uint64 {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return wrong("expected an integer from 0 to %d, got %s", uint64(math.MaxUint64), shown)
		}
		v.SetUint(n)
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return notInteger(shown)
	}
	v.SetInt(int64(n))
	return nil
}

// check holds a value against the limits of its setting.
func (s setting) check(v reflect.Value) *problem {
	switch x := v.Interface().(type) {
	case string:
		return s.checkText(x)
	case []string:
		return s.checkTexts(x)
	case map[string]string:
		for _, k := range sortedKeys(x) {
			if p := s.checkTexts([]string{k, x[k]}); p != nil {
				return p
			}
		}
	case int:
		return s.checkNumber(float64(x), strconv.Itoa(x))
	case *float64:
		if x != nil {
			return s.checkNumber(*x, strconv.FormatFloat(*x, 'g', -1, 64))
		}
	case time.Duration:
		return s.checkDuration(x)
	case []int:
		return checkList(s, x)
	case []float64:
		return checkList(s, x)
	}
	return nil
}

func (s setting) checkText(x string) *problem {
	if s.enum != nil && !slices.Contains(s.enum, x) {
		names := slices.DeleteFunc(slices.Clone(s.enum), func(n string) bool { return n == "" })
		return wrong("expected one of %s, got %q%s", strings.Join(names, ", "), x, didYouMean(x, names))
	}
	return s.checkTexts([]string{x})
}

// checkTexts refuses what neither an argument nor a YAML file can carry.
func (s setting) checkTexts(list []string) *problem {
	for _, x := range list {
		if !utf8.ValidString(x) {
			return wrong("expected text in UTF-8")
		}
		if strings.ContainsRune(x, 0) {
			return wrong("expected text without a zero byte")
		}
	}
	return nil
}

// checkList holds a list of numbers against the limits of each.
func checkList[T int | float64](s setting, list []T) *problem {
	if len(list) == 0 {
		return wrong("the list is empty: expected at least one %s", strings.TrimSuffix(s.kind(), "s"))
	}
	seen := map[T]bool{}
	for _, n := range list {
		shown := strconv.FormatFloat(float64(n), 'g', -1, 64)
		if i, whole := any(n).(int); whole {
			shown = strconv.Itoa(i)
		}
		if p := s.checkNumber(float64(n), shown); p != nil {
			return p
		}
		if seen[n] {
			return wrong("%s is in the list twice", shown)
		}
		seen[n] = true
	}
	return nil
}

func (s setting) checkNumber(x float64, shown string) *problem {
	if lo, err := strconv.ParseFloat(s.min, 64); err == nil && x < lo {
		return wrong("expected at least %s, got %s", s.min, shown)
	}
	if hi, err := strconv.ParseFloat(s.max, 64); err == nil && x > hi {
		return wrong("expected at most %s, got %s", s.max, shown)
	}
	return nil
}

func (s setting) checkDuration(x time.Duration) *problem {
	if lo, err := time.ParseDuration(s.min); err == nil && x < lo {
		return wrong("expected at least %s, got %s", s.min, x)
	}
	return nil
}

// text is the inverse of fromText.
func (s setting) text(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case string:
		return x
	case []int:
		parts := make([]string, len(x))
		for i, n := range x {
			parts[i] = strconv.Itoa(n)
		}
		return strings.Join(parts, ",")
	case []float64:
		parts := make([]string, len(x))
		for i, n := range x {
			parts[i] = strconv.FormatFloat(n, 'f', -1, 64)
		}
		return strings.Join(parts, ",")
	case *float64:
		if x == nil {
			return "null"
		}
		return strconv.FormatFloat(*x, 'g', -1, 64)
	case time.Duration:
		return shortDuration(x)
	case []string, map[string]string:
		b, err := json.Marshal(x)
		if err != nil {
			panic("config: " + err.Error()) // strings always marshal
		}
		return string(b)
	}
	return fmt.Sprint(v.Interface())
}

// shortDuration is 10m where String says 10m0s.
func shortDuration(d time.Duration) string {
	t := d.String()
	if strings.HasSuffix(t, "m0s") {
		t = strings.TrimSuffix(t, "0s")
	}
	if strings.HasSuffix(t, "h0m") {
		t = strings.TrimSuffix(t, "0m")
	}
	return t
}
