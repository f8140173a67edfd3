package simulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// ErrNotLoopback says that the address asked for can be reached from other machines: the simulator takes any credentials and
// must not be mistaken for the API.
var ErrNotLoopback = errors.New("not a loopback address")

// Server is a simulator that listens.
type Server struct {
	BaseURL  string // for --base-url, such as http://127.0.0.1:8085/fournisseur
	TokenURL string // for --token-url

	http    *http.Server
	abandon context.CancelFunc // ends the calls that wait
	ended   chan struct{}      // closed once Serve has ended
	serving error              // what it ended with; read after ended
}

// Start serves on addr, host:port: port 0 is any free port, and "" any free port of 127.0.0.1. The host must be localhost or a
// loopback address, else the error is ErrNotLoopback. The server runs until Close.
func (s *Simulator) Start(addr string) (*Server, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := listenLoopback(addr)
	if err != nil {
		return nil, fmt.Errorf("simulator: listening on %q: %w", addr, err)
	}
	calls, abandon := context.WithCancel(context.Background())
	server := &Server{
		BaseURL:  "http://" + listener.Addr().String() + BasePath,
		TokenURL: "http://" + listener.Addr().String() + TokenPath,
		http: &http.Server{
			Handler:           s,
			ReadHeaderTimeout: 10 * time.Second,
			BaseContext:       func(net.Listener) context.Context { return calls },
			ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		},
		abandon: abandon,
		ended:   make(chan struct{}),
	}
	go func() {
		defer close(server.ended)
		server.serving = server.http.Serve(listener)
	}()
	s.log.Info("simulator listens", "base_url", server.BaseURL, "token_url", server.TokenURL)
	return server, nil
}

// listenLoopback checks the host before it listens, and the address after: localhost is what the machine says it is.
func listenLoopback(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
		return nil, ErrNotLoopback
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return nil, errors.Join(ErrNotLoopback, listener.Close())
	}
	return listener, nil
}

// Close ends the server: calls that wait for their latency are cut, those being written may end until ctx does. It returns
// once nothing listens any more, with ctx's error if calls had to be cut for it. Closing twice is harmless.
func (s *Server) Close(ctx context.Context) error {
	s.abandon()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("simulator: closing: %w", err), s.http.Close())
	}
	<-s.ended
	if !errors.Is(s.serving, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("simulator: serving: %w", s.serving))
	}
	return err
}
