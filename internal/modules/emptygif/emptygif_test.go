package emptygif_test

import (
	"image/gif"
	"strings"
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/emptygif"
)

func TestThePicture(t *testing.T) {
	s := coretest.New(t, []*core.Module{&emptygif.Module}, `location / { empty_gif; }`)
	res := s.Get("/")
	picture, err := gif.Decode(strings.NewReader(res.Body))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, alpha := picture.At(0, 0).RGBA(); picture.Bounds().Dx() != 1 || picture.Bounds().Dy() != 1 || alpha != 0 {
		t.Errorf("%v, alpha %d", picture.Bounds(), alpha)
	}
	if res.Header.Get("Content-Type") != "image/gif" || res.Header.Get("Content-Length") != "43" || res.Header.Get("Last-Modified") != "Mon, 28 Sep 1970 06:00:00 GMT" {
		t.Errorf("%v", res.Header)
	}
	if res := s.Do(coretest.Message("POST", "/", "x")); res.Status != 405 {
		t.Errorf("POST: %d", res.Status)
	}
}
