package simulator

// dice draws numbers that follow from a seed, what is drawn for, and the number of the draw; so a draw depends on no other
// draw, and concurrent calls cannot take each other's.
type dice struct{ seed uint64 }

// What is drawn for. Each has draws of its own.
const (
	drawFault uint64 = iota + 1
	drawText
	drawLatency
	drawTokenLatency
	drawMissing
	drawTravel
	drawTravelAngle
)

// roll is a number from 0 (included) to 1 (excluded).
func (d dice) roll(purpose, draw uint64) float64 {
	mixed := mix(mix(d.seed^mix(purpose)) ^ draw)
	return float64(mixed>>11) / (1 << 53)
}

// mix is the finalizer of splitmix64: numbers that differ little give numbers that have nothing in common.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash is the FNV-1a hash of a number, mixed because FNV's high bits hardly move for numbers that differ at their end. It
// is the same on all machines and in all versions, which is what makes an answer stable.
func hash(numero string) uint64 {
	sum := uint64(0xcbf29ce484222325)
	for i := range len(numero) {
		sum = (sum ^ uint64(numero[i])) * 0x100000001b3
	}
	return mix(sum)
}
