package secure

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"hash"
)

// Encrypted private keys: the traditional form of PEM (RFC 1421's Proc-Type), and PKCS #8 with PBES2 (RFC 8018, 6.2), which
// openssl has written since 1.0.

var (
	errPassword = errors.New("error:1C800064:Provider routines::bad decrypt")
	errNeeded   = errors.New("error:07880109:common libcrypto routines::interrupted or cancelled")
	errScheme   = errors.New("this encryption of private keys is not supported by hearth yet")
)

// decryptKey returns the key's DER, trying each password where it is encrypted.
func decryptKey(block *pem.Block, passwords [][]byte) ([]byte, error) {
	open := func(password []byte) ([]byte, error) { return openPKCS8(block.Bytes, password) }
	if block.Type != "ENCRYPTED PRIVATE KEY" {
		//lint:ignore SA1019 it is not authenticated, but keys of this form exist, and nginx reads them
		if !x509.IsEncryptedPEMBlock(block) {
			return block.Bytes, nil
		}
		//lint:ignore SA1019 see above
		open = func(password []byte) ([]byte, error) { return x509.DecryptPEMBlock(block, password) }
	}
	err := errNeeded
	for _, password := range passwords {
		der, e := open(password)
		if e == nil {
			if _, e = parseKey(der); e == nil {
				return der, nil
			}
			e = errPassword // the padding came out right by chance
		}
		err = e
		if e != errScheme {
			err = errPassword
		}
	}
	return nil, err
}

type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2 struct{ KDF, Cipher pkix.AlgorithmIdentifier }

type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
)

// maxIterations bounds what a key file may cost.
const maxIterations = 10_000_000

var prfs = map[string]func() hash.Hash{
	"":                    sha1.New, // the default of RFC 8018
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

var blockCiphers = map[string]struct {
	key int
	new func([]byte) (cipher.Block, error)
}{
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
}

// openPKCS8 decrypts an EncryptedPrivateKeyInfo.
func openPKCS8(der, password []byte) ([]byte, error) {
	var info encryptedKey
	var scheme pbes2
	var kdf pbkdf2Params
	var iv []byte
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, err
	}
	if !info.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, errScheme
	}
	if _, err := asn1.Unmarshal(info.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, err
	}
	if !scheme.KDF.Algorithm.Equal(oidPBKDF2) {
		return nil, errScheme
	}
	if _, err := asn1.Unmarshal(scheme.KDF.Parameters.FullBytes, &kdf); err != nil {
		return nil, err
	}
	if _, err := asn1.Unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, err
	}
	prf, known := prfs[kdf.PRF.Algorithm.String()]
	block, ok := blockCiphers[scheme.Cipher.Algorithm.String()]
	if !known || !ok || kdf.Iterations < 1 || kdf.Iterations > maxIterations {
		return nil, errScheme
	}
	key, err := pbkdf2.Key(prf, string(password), kdf.Salt, kdf.Iterations, block.key)
	if err != nil {
		return nil, err
	}
	b, err := block.new(key)
	if err != nil {
		return nil, err
	}
	return openCBC(b, iv, info.Data)
}

func openCBC(b cipher.Block, iv, data []byte) ([]byte, error) {
	size := b.BlockSize()
	if len(iv) != size || len(data) == 0 || len(data)%size != 0 {
		return nil, errPassword
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(b, iv).CryptBlocks(plain, data)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > size {
		return nil, errPassword
	}
	for _, p := range plain[len(plain)-pad:] {
		if int(p) != pad {
			return nil, errPassword
		}
	}
	return plain[:len(plain)-pad], nil
}
