package schemas

import (
	"strings"
	"testing"
)

func TestAKeysNameTellsWhetherItIsPersonal(t *testing.T) {
	marks := embeddedSet(t).Marks("CHF")
	for path, want := range map[string]Mark{
		"informations_client.nom":                              PersonalName,
		"informations_client.Nom_Client":                       PersonalName,
		"informations_client.pr\u00e9nom":                      PersonalFirstName,
		"informations_client.tele_phone2":                      PersonalPhone,
		"informations_client.adresse_mail":                     PersonalEmail,
		"informations_client.adresse.nom_voie":                 PersonalAddress,
		"informations_client.adresse.code_insee":               PersonalAddress,
		"informations_client.adresse.libelle":                  PersonalAddress,
		"informations_fournisseur.contact.telephone":           PersonalPhone,
		"informations_fournisseur.contact.fonction":            PersonalOther,
		"informations_contractuelles.pce.numero":               PersonalIdentifier,
		"informations_contractuelles.regroupement.numero_pce":  PersonalIdentifier,
		"informations_client.siret":                            PersonalIdentifier,
		"cree_par":                                             PersonalIdentifier,
		"CREE_PAR.la.dessous":                                  PersonalIdentifier,
		"commentaire_soumission_analyse":                       PersonalOther,
		"numero_demande":                                       "",
		"cdgf.libelle":                                         "",
		"informations_contractuelles.pce.etat.code":            "",
		"informations_contractuelles.telereleve":               "",
		"informations_realisation.code_maille":                 "",
		"informations_intervention.materiel_pose.numero_serie": "",
	} {
		if got := marks.Of(strings.Split(path, ".")); got != want {
			t.Errorf("%s is marked %q, want %q", path, got, want)
		}
	}
}

func TestADeclaredMarkGoesBeforeThePatternsAndCoversAllBeneath(t *testing.T) {
	set := loaded(t, map[string]string{"chf.yaml": withColumns(
		`  - {chemin: bloc.nom, type: STRING, personnel: aucun}`,
		`  - {chemin: bloc.personnes, type: "LIST<STRUCT<telephone STRING, n INT64>>", personnel: autre}`,
		`  - {chemin: bloc.personnes.profil, type: STRING, personnel: aucun}`,
	)})
	marks := set.Marks("chf")
	for path, want := range map[string]Mark{
		"bloc.nom": "", "bloc.nom.telephone": "", "bloc.personnes.telephone": PersonalOther, "bloc.personnes.n": PersonalOther,
		"BLOC.Personnes.n": PersonalOther, "bloc.personnes.profil.nom": "", "bloc.autre.nom": PersonalName,
	} {
		if got := marks.Of(strings.Split(path, ".")); got != want {
			t.Errorf("%s is marked %q, want %q", path, got, want)
		}
	}
	if mark := set.Marks("MES").Of([]string{"bloc", "nom"}); mark != PersonalName {
		t.Errorf("another type's is marked %q", mark)
	}
}

func TestAUsersPersonalKeysReplaceTheEmbedded(t *testing.T) {
	set := loaded(t, map[string]string{"personnel.yaml": "version: 1\ncles:\n  - {cle: surnom*, personnel: nom}\n"})
	if got := set.Marks("CHF").Of([]string{"Sur_Noms"}); got != PersonalName {
		t.Errorf("surnoms is marked %q", got)
	}
	if got := set.Marks("CHF").Of([]string{"telephone"}); got != "" {
		t.Errorf("telephone is still marked %q", got)
	}
	if len(set.Root()) != len(embeddedSet(t).Root()) {
		t.Error("the root is another")
	}
}

func TestMistakesAboutPersonalDataAreTold(t *testing.T) {
	for name, one := range map[string]struct{ file, content, want string }{
		"mark":     {"chf.yaml", withColumns(`  - {chemin: a, type: STRING, personnel: tel}`), `personnel: "tel" is no mark`},
		"misspelt": {"chf.yaml", withColumns(`  - {chemin: a, type: STRING, personnel: telefone}`), `did you mean telephone?`},
		"all":      {"personnel.yaml", "version: 1\ncles:\n  - {cle: \"*\", personnel: nom}\n", `personnel.yaml:3: cle: "*" would match every key`},
		"part":     {"personnel.yaml", "version: 1\ncles:\n  - {cle: a..b, personnel: nom}\n", `would match every key`},
		"missing":  {"personnel.yaml", "version: 1\ncles:\n  - {cle: a}\n", `a personal key needs the key personnel`},
		"no list":  {"personnel.yaml", "version: 1\ncles: a\n", `cles: a list of keys is wanted`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mistakes(t, map[string]string{one.file: one.content}); !strings.Contains(got, one.want) {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestStarsStandForAnyCharacters(t *testing.T) {
	for _, one := range []struct {
		pattern, key string
		want         bool
	}{
		{"nom", "nom", true},
		{"nom", "noms", false},
		{"nom*", "nom", true},
		{"*nom", "prenom", true},
		{"*o*", "nom", true},
		{"a*a", "a", false},
		{"a*b*c", "axxbxxc", true},
		{"a*b*c", "axxc", false},
		{"a*b*b", "ab", false},
	} {
		if got := matches(one.pattern, one.key); got != one.want {
			t.Errorf("%s on %s: %v", one.pattern, one.key, got)
		}
	}
}
