package ssl

import (
	"encoding/pem"

	"hearth/internal/secure"
)

// checkDHParam reads ssl_dhparam, which means nothing here, as nginx does.
func (s *settings) checkDHParam() error {
	f := s.dhparam
	if !f.IsSet() {
		return nil
	}
	data, err := f.Read()
	if err != nil {
		return f.Pos.Errorf("BIO_new_file(\"%s\") failed (%s)", f.Name, secure.OpenSSLError(f.Name, err))
	}
	if block, _ := pem.Decode(data); block == nil || block.Type != "DH PARAMETERS" && block.Type != "X9.42 DH PARAMETERS" {
		return f.Pos.Errorf("PEM_read_bio_DHparams(\"%s\") failed (SSL: error:0480006C:PEM routines::no start line:Expecting: DH PARAMETERS)", f.Name)
	}
	return nil
}
