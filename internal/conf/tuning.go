package conf

// InternalTuning has rows for the directives that only tune nginx's internals.
var InternalTuning = []Directive{}
