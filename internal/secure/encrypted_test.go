package secure

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
)

// sealPKCS8 encrypts as `openssl pkcs8 -topk8` does: PBES2 with PBKDF2, HMAC-SHA-256 and AES-256 in CBC mode.
func sealPKCS8(t testing.TB, plain, password []byte, iterations int) []byte {
	salt, iv := bytes.Repeat([]byte{1}, 8), bytes.Repeat([]byte{2}, 16)
	key, err := pbkdf2.Key(sha256.New, string(password), salt, iterations, 32)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := aes.NewCipher(key)
	pad := block.BlockSize() - len(plain)%block.BlockSize()
	plain = append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)
	der := func(v any) asn1.RawValue {
		b, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return asn1.RawValue{FullBytes: b}
	}
	kdf := pbkdf2Params{Salt: salt, Iterations: iterations, PRF: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}, Parameters: asn1.NullRawValue}}
	scheme := pbes2{
		KDF:    pkix.AlgorithmIdentifier{Algorithm: oidPBKDF2, Parameters: der(kdf)},
		Cipher: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, Parameters: der(iv)},
	}
	out, err := asn1.Marshal(encryptedKey{pkix.AlgorithmIdentifier{Algorithm: oidPBES2, Parameters: der(scheme)}, plain})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func somePKCS8(t testing.TB) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestAnEncryptedKeyOpensWithItsPasswordOnly(t *testing.T) {
	der := somePKCS8(t)
	sealed := sealPKCS8(t, der, []byte("secret"), 100)
	if got, err := openPKCS8(sealed, []byte("secret")); err != nil || !bytes.Equal(got, der) {
		t.Errorf("%v, equal %v", err, bytes.Equal(got, der))
	}
	if got, err := openPKCS8(sealed, []byte("wrong")); err == nil && bytes.Equal(got, der) {
		t.Error("a wrong password opens it")
	}
	if _, err := openPKCS8(sealed[:len(sealed)-1], []byte("secret")); err == nil {
		t.Error("cut short, and it is taken")
	}
}

// FuzzEncryptedKey: whatever is in the file, it is refused or opened, at a bounded cost.
func FuzzEncryptedKey(f *testing.F) {
	sealed := sealPKCS8(f, somePKCS8(f), []byte("secret"), 100)
	f.Add(sealed)
	f.Add(sealed[:len(sealed)-16])
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, der []byte) {
		if costly(der) {
			t.Skip("bounded by maxIterations, and tried by no test")
		}
		plain, err := openPKCS8(der, []byte("secret"))
		if err != nil && plain != nil {
			t.Error("an error, and a key")
		}
		if err == nil && len(plain) >= len(der) {
			t.Errorf("%d bytes out of %d", len(plain), len(der))
		}
	})
}

// costly tells whether a key asks for more iterations than a fuzzer has time for.
func costly(der []byte) bool {
	var info encryptedKey
	var scheme pbes2
	var kdf pbkdf2Params
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return false
	}
	if _, err := asn1.Unmarshal(info.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return false
	}
	_, err := asn1.Unmarshal(scheme.KDF.Parameters.FullBytes, &kdf)
	return err == nil && kdf.Iterations > 10_000
}
