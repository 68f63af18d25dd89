package config

import (
	"reflect"
	"strings"
	"time"
)

// EnvPrefix begins the name of every environment variable of the configuration.
const EnvPrefix = "AIBENCH_"

// setting is one key of the configuration, as the tags of its field describe it.
type setting struct {
	key   string // full key: stages.baseline.toggle
	name  string // key within its mapping: toggle
	flag  string // without the dash: baseline-toggle
	env   string // AIBENCH_BASELINE_TOGGLE
	help  string
	index []int // of the field, for reflect
	typ   reflect.Type

	def        string // text of the default
	hasDefault bool   // false: the default is the zero value, and means "not given"
	enum       []string
	min, max   string // "" is no limit
}

// field is the setting's place within c.
func (s setting) field(c *Config) reflect.Value {
	return reflect.ValueOf(c).Elem().FieldByIndex(s.index)
}

// settings lists every key in the order of the struct. Reading the tags takes
// some microseconds and happens a few times in a process, so nothing is kept.
func settings() []setting {
	return describe(reflect.TypeFor[Config](), "", nil)
}

func describe(t reflect.Type, prefix string, index []int) []setting {
	var all []setting
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(append([]int(nil), index...), i)
		key := prefix + f.Tag.Get("key")
		if f.Type.Kind() == reflect.Struct {
			all = append(all, describe(f.Type, key+".", at)...)
			continue
		}
		all = append(all, newSetting(f, key, at))
	}
	return all
}

func newSetting(f reflect.StructField, key string, index []int) setting {
	// The stage's name alone leads a flag: -baseline-toggle, AIBENCH_BASELINE_TOGGLE.
	short := strings.TrimPrefix(key, "stages.")
	s := setting{
		key:   key,
		name:  f.Tag.Get("key"),
		flag:  strings.NewReplacer("_", "-", ".", "-").Replace(short),
		env:   EnvPrefix + strings.ToUpper(strings.ReplaceAll(short, ".", "_")),
		help:  f.Tag.Get("help"),
		index: index,
		typ:   f.Type,
		min:   f.Tag.Get("min"),
		max:   f.Tag.Get("max"),
	}
	s.def, s.hasDefault = f.Tag.Lookup("default")
	if e, ok := f.Tag.Lookup("enum"); ok {
		s.enum = strings.Split(e, ",")
	}
	return s
}

// Default returns the configuration that an empty file gives.
func Default() Config {
	var c Config
	for _, s := range settings() {
		if !s.hasDefault {
			continue
		}
		v, p := s.fromText(s.def)
		if p != nil {
			panic("config: default of " + s.key + ": " + p.msg) // a wrong tag: every test of the package fails
		}
		s.field(&c).Set(v)
	}
	return c
}

// isDefault tells whether c holds the default of s.
func (s setting) isDefault(c, def *Config) bool {
	return reflect.DeepEqual(s.field(c).Interface(), s.field(def).Interface())
}

// kind names the type of a setting: in usage texts, and to choose its codec.
func (s setting) kind() string {
	switch s.typ {
	case reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.TypeFor[string]():
		return "text"
	case reflect.TypeFor[bool]():
		return "true or false"
	case reflect.TypeFor[int](), reflect.TypeFor[uint64]():
		return "integer"
	case reflect.TypeFor[*float64]():
		return "number"
	case reflect.TypeFor[[]int]():
		return "integers"
	case reflect.TypeFor[[]float64]():
		return "numbers"
	case reflect.TypeFor[[]string]():
		return "list"
	case reflect.TypeFor[map[string]string]():
		return "mapping"
	}
	panic("config: no codec for a field of type " + s.typ.String())
}
