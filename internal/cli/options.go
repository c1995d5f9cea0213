package cli

import "fmt"

// options is nginx's command line.
type options struct {
	help, version, configure bool // -h, -v, -V
	test, dump, quiet        bool // -t, -T, -q
	signal                   string
	prefix, file, errorLog   string
	globals                  string
}

// parseOptions reads nginx's options as nginx does: letters may be joined (-tq), a value may follow its letter
// at once or be the next argument (-cFILE, -c FILE). The error is nginx's message.
func parseOptions(args []string) (o options, err error) {
	for i := 0; i < len(args); i++ {
		word := args[i]
		if word == "" || word[0] != '-' {
			return o, fmt.Errorf("invalid option: \"%s\"", word)
		}
		for j := 1; j < len(word); j++ {
			to, missing := o.value(word[j])
			if to == nil {
				if !o.flag(word[j]) {
					return o, fmt.Errorf("invalid option: \"%c\"", word[j])
				}
				continue
			}
			switch {
			case j+1 < len(word):
				*to = word[j+1:]
			case i+1 < len(args) && args[i+1] != "":
				i++
				*to = args[i]
			default:
				return o, fmt.Errorf("option \"-%c\" requires %s", word[j], missing)
			}
			break
		}
	}
	if o.signal != "" && signals[o.signal] == 0 {
		return o, fmt.Errorf("invalid option: \"-s %s\"", o.signal)
	}
	return o, nil
}

// value returns where the value of a letter goes, and what it is; nil if the letter takes none.
func (o *options) value(letter byte) (to *string, what string) {
	switch letter {
	case 'p':
		return &o.prefix, "directory name"
	case 'e':
		return &o.errorLog, "file name"
	case 'c':
		return &o.file, "file name"
	case 'g':
		return &o.globals, "parameter"
	case 's':
		return &o.signal, "parameter"
	}
	return nil, ""
}

// flag sets what a letter without value stands for.
func (o *options) flag(letter byte) bool {
	switch letter {
	case '?', 'h':
		o.help = true
	case 'v':
		o.version = true
	case 'V':
		o.configure = true
	case 't':
		o.test = true
	case 'T':
		o.test, o.dump = true, true
	case 'q':
		o.quiet = true
	default:
		return false
	}
	return true
}
