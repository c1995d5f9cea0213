package conf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// glob returns the names that match a pattern, as glob(3) does: sorted by bytes; * ? and a
// bracket at the beginning of a name do not match a dot; [!a] and [^a] negate. A directory that
// cannot be read matches nothing.
func glob(pattern string) ([]string, error) {
	dir, rest := "", pattern
	if strings.HasPrefix(rest, "/") {
		dir, rest = "/", strings.TrimLeft(rest, "/")
	}
	found := expand(dir, strings.Split(rest, "/"))
	slices.Sort(found)
	return found, nil
}

// expand returns the names under dir that the elements of a pattern match. dir ends with a slash or is "".
func expand(dir string, elements []string) []string {
	element, rest := elements[0], elements[1:]
	if !strings.ContainsAny(element, "*?[\\") {
		path := dir + element
		if len(rest) > 0 {
			return expand(path+"/", rest)
		}
		if _, err := os.Lstat(path); err != nil {
			return nil
		}
		return []string{path}
	}
	element = strings.ReplaceAll(element, "[!", "[^")
	name := dir
	if name == "" {
		name = "."
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries {
		if ok, err := filepath.Match(element, e.Name()); !ok || err != nil || hidden(e.Name(), element) {
			continue
		}
		if len(rest) == 0 {
			found = append(found, dir+e.Name())
		} else {
			found = append(found, expand(dir+e.Name()+"/", rest)...)
		}
	}
	return found
}

func hidden(name, element string) bool { return name[0] == '.' && !strings.HasPrefix(element, ".") }
