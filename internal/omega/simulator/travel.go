package simulator

import (
	"math"
	"time"
)

const (
	maxNetworkJitter = time.Second
	// travelTime is how long the mean call travels, in standard deviations: enough for all but one in 30,000 to be
	// drawn as they are, since none can arrive before it left.
	travelTime = 4
)

// travel waits as long as a call takes on its way. It does not end when the caller goes: what has left arrives.
func (s *Simulator) travel() {
	if s.options.NetworkJitter == 0 {
		return
	}
	deviations := travelTime + s.dice.normal(drawTravel, drawTravelAngle, s.travelled.Add(1))
	time.Sleep(time.Duration(max(0, deviations) * float64(s.options.NetworkJitter)))
}

// normal is a number of the standard normal distribution, after Box and Muller. It takes a draw of both purposes.
func (d dice) normal(length, angle, draw uint64) float64 {
	// 1 less a roll is above 0, where the logarithm ends.
	return math.Sqrt(-2*math.Log(1-d.roll(length, draw))) * math.Cos(2*math.Pi*d.roll(angle, draw))
}
