package main

import (
	"errors"
	"time"
)

// dueFlags are how soon an answered number is asked for again.
type dueFlags struct {
	DueAfter      time.Duration `default:"20h" help:"With --refresh due, an answered number is asked for again after this long at the soonest (default: ${default})."`
	DueAtMost     time.Duration `default:"720h" help:"And after this long at the latest: the longer a demande has been quiet, the more seldom it is asked for (default: ${default})."`
	FinalStatuses []string      `placeholder:"CODE" help:"Statuses (statut_externe_demande.code) of demandes that never change again: they are never asked for again. The guide lists none, so none is assumed."`
}

func (f *dueFlags) validate() error {
	if f.DueAfter < 0 || f.DueAtMost < f.DueAfter {
		return errors.New("--due-at-most: not less than --due-after, and neither negative")
	}
	return nil
}
