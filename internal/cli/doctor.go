package cli

import (
	"strings"

	"hearth/internal/doctor"
)

// doctor is `hearth doctor URL`. The exit code is 2 if there is advice.
func (c *command) doctor(args []string) int {
	if len(args) != 1 || strings.HasPrefix(args[0], "-") {
		c.say("usage: hearth doctor URL, of a location with \"api\", such as http://127.0.0.1:8080/api")
		return 1
	}
	advice, err := doctor.Examine(c.stdout, args[0])
	switch {
	case err != nil:
		c.say("%s", err)
		return 1
	case advice > 0:
		return 2
	}
	return 0
}
