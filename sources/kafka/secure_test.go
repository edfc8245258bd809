package kafka

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline/kafkaconn"
)

// certificate makes one that signs itself, for 127.0.0.1 and a name, and
// writes it as a PEM file.
func certificate(t *testing.T, name string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if name == "" {
		c.DNSNames, c.IPAddresses = nil, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

func TestTLS(t *testing.T) {
	cert, ca := certificate(t, "")
	c := fake(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}}), kfake.SeedTopics(1, "web"))
	secure := input(c.ListenAddrs(), "web")
	secure.TLS = &kafkaconn.TLS{CA: ca}
	clientTLS, err := secure.TLS.Config()
	if err != nil {
		t.Fatal(err)
	}
	produce(t, producer(t, c.ListenAddrs(), kgo.DialTLSConfig(clientTLS)), series("web", 0, 0, 3)...)
	got, _ := readEnd(t, open(t, secure, true), 0, 100)
	same(t, got, values(3))

	unknown := input(c.ListenAddrs(), "web")
	unknown.TLS = &kafkaconn.TLS{}
	says(t, openError(t, unknown), false, "is signed by an unknown authority: set tls.ca")
	unknown.TLS = &kafkaconn.TLS{InsecureSkipVerify: true}
	open(t, unknown, false)
	says(t, openError(t, input(c.ListenAddrs(), "web")), true, "whether it expects other tls or sasl settings")

	named, namedCA := certificate(t, "kafka.example")
	c = fake(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{named}}), kfake.SeedTopics(1, "web"))
	other := input(c.ListenAddrs(), "web")
	other.TLS = &kafkaconn.TLS{CA: namedCA}
	says(t, openError(t, other), false, "is for another name: set tls.server_name")
	other.TLS = &kafkaconn.TLS{CA: namedCA, ServerName: "kafka.example"}
	open(t, other, false)
}
