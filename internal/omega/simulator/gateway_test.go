package simulator

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestAGatewayLeftEmptyIsTheGuidesQuotaCountedStrictly(t *testing.T) {
	got, err := Gateway{}.completed()
	if want := (Gateway{Kind: Gap, Rate: 1, Burst: 1}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestParseGatewayGivesEachKindWithRetryAfter(t *testing.T) {
	for _, kind := range []string{"gap", "window", "calendar", "bucket", "none"} {
		got, err := ParseGateway(kind, 2.5)
		if want := (Gateway{Kind: GatewayKind(kind), Rate: 2.5, Burst: 1, RetryAfter: true}); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", kind, got, err, want)
		}
	}
}

func TestABadGatewayIsAnErrorThatNamesWhatIsBad(t *testing.T) {
	for _, test := range []struct {
		gateway Gateway
		names   string
	}{
		{Gateway{Kind: "leaky"}, `kind "leaky"`},
		{Gateway{Rate: -1}, "rate -1"},
		{Gateway{Rate: math.NaN()}, "rate NaN"},
		{Gateway{Rate: math.Inf(1)}, "rate +Inf"},
		{Gateway{Rate: 1e-9}, "rate 1e-09"},
		{Gateway{Tolerance: -time.Second}, "tolerance -1s"},
		{Gateway{Burst: -1}, "burst -1"},
		{Gateway{Burst: 1 << 40}, "burst 1099511627776"},
	} {
		_, err := test.gateway.completed()
		if err == nil || !strings.Contains(err.Error(), test.names) {
			t.Errorf("%+v: got %v, want an error that names %q", test.gateway, err, test.names)
		}
	}
}

func TestThePeriodHoldsExactlyTheRate(t *testing.T) {
	for _, test := range []struct {
		rate  float64
		calls int
		span  time.Duration
	}{
		{1, 1, time.Second},
		{5, 5, time.Second},
		{2.5, 2, 800 * time.Millisecond},
		{0.5, 1, 2 * time.Second},
	} {
		calls, span := Gateway{Rate: test.rate}.period()
		if calls != test.calls || span != test.span {
			t.Errorf("rate %v: got %d calls in %s, want %d in %s", test.rate, calls, span, test.calls, test.span)
		}
	}
}
