package loop

import "testing"

func TestEachLoopHasAThingOfItsOwnInASeat(t *testing.T) {
	words, numbers := NewSeat[string](), NewSeat[int]()
	sim := NewSim()
	a, b := sim.Loop(), sim.Loop()
	*numbers.Of(a), *numbers.Of(b) = 1, 2
	*words.Of(a) = "one"
	if *numbers.Of(a) != 1 || *numbers.Of(b) != 2 || *words.Of(a) != "one" || *words.Of(b) != "" {
		t.Errorf("numbers %d and %d, words %q and %q", *numbers.Of(a), *numbers.Of(b), *words.Of(a), *words.Of(b))
	}
}
