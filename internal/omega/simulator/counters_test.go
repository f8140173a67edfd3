package simulator

import (
	"math/rand/v2"
	"testing"
	"time"
)

const ms = time.Millisecond

// second is a moment at which a second of the clock begins.
func second() time.Time { return time.Unix(1_790_000_000, 0) }

func counterOf(t *testing.T, gateway Gateway) counter {
	t.Helper()
	gateway, err := gateway.completed()
	if err != nil {
		t.Fatal(err)
	}
	return newCounter(gateway)
}

func TestEachCounterLetsInWhatItsRuleSays(t *testing.T) {
	const in = time.Duration(0)
	type arrival struct {
		at   time.Duration
		wait time.Duration // in: let in
	}
	for _, test := range []struct {
		name     string
		gateway  Gateway
		arrivals []arrival
	}{
		{"gap: a nanosecond too early is too early", Gateway{Kind: Gap}, []arrival{
			{0, in}, {time.Second - 1, 1}, {time.Second, in}, {1500 * ms, 500 * ms}, {2000 * ms, in},
		}},
		{"gap: a refused call does not move the next", Gateway{Kind: Gap}, []arrival{
			{0, in}, {900 * ms, 100 * ms}, {1000 * ms, in},
		}},
		{"gap: a refused call counts where it is said", Gateway{Kind: Gap, CountRefused: true}, []arrival{
			{0, in}, {900 * ms, 1000 * ms}, {1000 * ms, 1000 * ms}, {2000 * ms, in},
		}},
		{"gap: within the tolerance", Gateway{Kind: Gap, Tolerance: 50 * ms}, []arrival{
			{0, in}, {949 * ms, 1 * ms}, {950 * ms, in}, {1900 * ms, in},
		}},
		{"gap: another rate", Gateway{Kind: Gap, Rate: 4}, []arrival{
			{0, in}, {249 * ms, 1 * ms}, {250 * ms, in},
		}},
		{"window: as many in any second", Gateway{Kind: Window, Rate: 2}, []arrival{
			{0, in}, {900 * ms, in}, {999 * ms, 1 * ms}, {1000 * ms, in}, {1001 * ms, 899 * ms}, {1900 * ms, in},
		}},
		{"window: refused calls count where it is said", Gateway{Kind: Window, Rate: 2, CountRefused: true}, []arrival{
			{0, in}, {100 * ms, in}, {200 * ms, 900 * ms}, {1050 * ms, 150 * ms}, {1200 * ms, in},
		}},
		{"window: slower than one a second", Gateway{Kind: Window, Rate: 0.5}, []arrival{
			{0, in}, {1999 * ms, 1 * ms}, {2000 * ms, in},
		}},
		{"calendar: two calls may be close if a second begins between", Gateway{Kind: Calendar}, []arrival{
			{999 * ms, in}, {1000 * ms, in}, {1001 * ms, 999 * ms}, {1999 * ms, 1 * ms}, {2000 * ms, in},
		}},
		{"calendar: as many in each second", Gateway{Kind: Calendar, Rate: 3}, []arrival{
			{0, in}, {0, in}, {1 * ms, in}, {2 * ms, 998 * ms}, {1000 * ms, in},
		}},
		{"bucket: full at the start, filled at the rate", Gateway{Kind: Bucket, Rate: 2, Burst: 3}, []arrival{
			{0, in}, {0, in}, {0, in}, {0, 500 * ms}, {400 * ms, 100 * ms}, {500 * ms, in}, {500 * ms, 500 * ms}, {2000 * ms, in}, {2000 * ms, in}, {2000 * ms, in}, {2000 * ms, 500 * ms},
		}},
		{"bucket: never more than full", Gateway{Kind: Bucket, Burst: 2}, []arrival{
			{0, in}, {time.Hour, in}, {time.Hour, in}, {time.Hour, time.Second},
		}},
		{"none", Gateway{Kind: Unlimited}, []arrival{{0, in}, {0, in}, {0, in}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			counter := counterOf(t, test.gateway)
			for i, arrival := range test.arrivals {
				accepted, wait := counter.arrive(second().Add(arrival.at))
				if accepted != (arrival.wait == in) || wait != arrival.wait {
					t.Fatalf("call %d at %s: got let in %v, wait %s; want wait %s", i, arrival.at, accepted, wait, arrival.wait)
				}
			}
		})
	}
}

func TestACallASecondSatisfiesEveryGateway(t *testing.T) {
	for _, kind := range []GatewayKind{Gap, Window, Calendar, Bucket, Unlimited} {
		counter := counterOf(t, Gateway{Kind: kind})
		for i := range 1000 {
			at := second().Add(123*ms + time.Duration(i)*time.Second)
			if accepted, _ := counter.arrive(at); !accepted {
				t.Fatalf("%s refused call %d", kind, i)
			}
		}
	}
}

func TestAClientExactlyAtTheRateIsNeverRefusedForARounding(t *testing.T) {
	for _, kind := range []GatewayKind{Gap, Bucket} {
		for _, rate := range []float64{0.3, 3, 7, 49.7, 1000} {
			gateway := Gateway{Kind: kind, Rate: rate}
			counter := counterOf(t, gateway)
			for i := range 1000 {
				if accepted, _ := counter.arrive(second().Add(time.Duration(i) * gateway.interval())); !accepted {
					t.Fatalf("%s at %v refused call %d", kind, rate, i)
				}
			}
		}
	}
}

// A refusal says how long to wait; a call that long after is let in, and one a nanosecond before is not.
func TestTheWaitOfARefusalIsExact(t *testing.T) {
	for _, gateway := range []Gateway{
		{Kind: Gap, Rate: 7},
		{Kind: Gap, CountRefused: true},
		{Kind: Window, Rate: 5},
		{Kind: Window, Rate: 2.5, Tolerance: 10 * ms},
		{Kind: Calendar, Rate: 5},
		{Kind: Bucket, Rate: 5, Burst: 4},
	} {
		random := rand.New(rand.NewPCG(1, uint64(len(gateway.Kind))))
		for range 200 {
			early, exact := counterOf(t, gateway), counterOf(t, gateway)
			now := second().Add(time.Duration(random.Int64N(int64(time.Second))))
			var wait time.Duration
			for accepted := true; accepted; {
				now = now.Add(time.Duration(random.Int64N(int64(100 * ms))))
				early.arrive(now)
				accepted, wait = exact.arrive(now)
			}
			if accepted, _ := early.arrive(now.Add(wait - 1)); accepted {
				t.Fatalf("%+v: let in a nanosecond before the wait of %s", gateway, wait)
			}
			if accepted, _ := exact.arrive(now.Add(wait)); !accepted {
				t.Fatalf("%+v: refused after the wait of %s", gateway, wait)
			}
		}
	}
}

// The window against its definition, on calls at random.
func TestNoWindowHoldsMoreThanTheRateAndNoCallIsRefusedForLess(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 3))
	for range 50 {
		gateway := Gateway{Kind: Window, Rate: float64(1 + random.IntN(5))}
		counter := counterOf(t, gateway)
		var accepted []time.Time
		now := second()
		for range 300 {
			now = now.Add(time.Duration(random.Int64N(int64(600 * ms))))
			within := 0
			for _, at := range accepted {
				if now.Sub(at) < time.Second {
					within++
				}
			}
			got, _ := counter.arrive(now)
			if want := within < int(gateway.Rate); got != want {
				t.Fatalf("rate %v, %d calls in the last second: let in %v", gateway.Rate, within, got)
			}
			if got {
				accepted = append(accepted, now)
			}
		}
	}
}

func TestTheWindowsMemoryStaysAtTheRate(t *testing.T) {
	counter := &windowCounter{calls: 5, span: time.Second, countRefused: true}
	for i := range 10_000 {
		counter.arrive(second().Add(time.Duration(i) * ms))
	}
	if len(counter.counted) > 5 || cap(counter.counted) > 64 {
		t.Errorf("it remembers %d calls in room for %d", len(counter.counted), cap(counter.counted))
	}
}
