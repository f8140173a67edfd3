package telemetry

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector receives OTLP.
type collector struct {
	*httptest.Server
	mutex sync.Mutex
	spans []*tracepb.ResourceSpans
	auth  string
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request coltrace.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &request) != nil {
			w.WriteHeader(400)
			return
		}
		c.mutex.Lock()
		defer c.mutex.Unlock()
		c.spans, c.auth = append(c.spans, request.ResourceSpans...), r.Header.Get("Authorization")
	}))
	t.Cleanup(c.Close)
	return c
}

// unset keeps what the machine's own environment asks for out of the test.
func unset(t *testing.T) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "OTEL_") || strings.HasPrefix(name, "TRACE") {
			t.Setenv(name, "")
		}
	}
}

func TestTracesArriveWithTheRunsIdAndUnderTheCallersTrace(t *testing.T) {
	unset(t)
	c := newCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20key")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=essai")
	t.Setenv("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	ctx, tracer, end, err := Traces(t.Context(), os.Getenv, TraceOptions{Service: "omega-export", Version: "1", RunID: "6f7c", Export: "nuit"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, parent := tracer.Start(ctx, "run")
	_, child := tracer.Start(ctx, "plan")
	child.End()
	parent.End()
	end()
	if len(c.spans) != 1 || c.auth != "Bearer key" {
		t.Fatalf("got %v, authorized by %q", c.spans, c.auth)
	}
	about := c.spans[0].Resource.String()
	for _, want := range []string{"omega-export", "6f7c", "nuit", "essai"} {
		if !strings.Contains(about, want) {
			t.Errorf("the resource has no %s: %s", want, about)
		}
	}
	spans := c.spans[0].ScopeSpans[0].Spans
	if len(spans) != 2 || spans[0].Name != "plan" || spans[1].Name != "run" || string(spans[0].ParentSpanId) != string(spans[1].SpanId) {
		t.Errorf("got %v", spans)
	}
	if spans[1].ParentSpanId[0] != 0xb7 || spans[1].TraceId[0] != 0x0a {
		t.Errorf("the run is not part of the caller's trace: %v", spans[1])
	}
}

func TestWithoutTheVariablesNothingIsStarted(t *testing.T) {
	for name, variables := range map[string]map[string]string{
		"nothing set": {},
		"none":        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
		"disabled":    {"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			ctx, tracer, end, err := Traces(t.Context(), func(name string) string { return variables[name] }, TraceOptions{})
			if err != nil || ctx != t.Context() {
				t.Fatalf("err %v", err)
			}
			_, span := tracer.Start(ctx, "run")
			if span.IsRecording() || runtime.NumGoroutine() > before {
				t.Errorf("recording %v, %d goroutines, %d before", span.IsRecording(), runtime.NumGoroutine(), before)
			}
			end()
		})
	}
}

func TestWhatIsNotThereIsSaid(t *testing.T) {
	for want, variables := range map[string]map[string]string{
		"OTEL_TRACES_EXPORTER=console":     {"OTEL_TRACES_EXPORTER": "console"},
		"OTEL_EXPORTER_OTLP_PROTOCOL=grpc": {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
	} {
		_, tracer, end, err := Traces(t.Context(), func(name string) string { return variables[name] }, TraceOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		_, span := tracer.Start(t.Context(), "run")
		span.End()
		end()
	}
}

func TestACollectorOutOfReachDelaysTheEndByThreeSecondsAtMost(t *testing.T) {
	unset(t)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer silent.Close()
	for _, address := range []string{"http://127.0.0.1:1", silent.URL} {
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", strings.Replace(address, "http://", "http://user:canary@", 1))
		var mutex sync.Mutex
		var told []error
		_, tracer, end, err := Traces(t.Context(), os.Getenv, TraceOptions{Failed: func(err error) {
			mutex.Lock()
			defer mutex.Unlock()
			told = append(told, err)
		}})
		if err != nil {
			t.Fatal(err)
		}
		_, span := tracer.Start(t.Context(), "run")
		span.End()
		begun := time.Now()
		end()
		mutex.Lock()
		if took := time.Since(begun); took > traceEnd+2*time.Second || len(told) != 1 || strings.Contains(told[0].Error(), "canary") {
			t.Errorf("the end took %s, and told %v", took, told)
		}
		mutex.Unlock()
		silent.CloseClientConnections()
	}
}
