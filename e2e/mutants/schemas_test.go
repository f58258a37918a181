package mutants

import "maps"

// What guards the values of messages: no zero that nobody sent, and no message given
// up by what one instance of the registry says.
func init() {
	mutants = append(mutants,
		mutant{"json: null in a list is a zero", "envelope/json.go",
			`|| d.PeekKind() != 'n' ||`, `|| d.PeekKind() != 'x' ||`},
		mutant{"fast: null in a list is a zero", "fast/reader.go",
			"!hasNull && d.peek() == 'n' ||", "hasNull && d.peek() == 'x' ||"},
		mutant{"schema: what is absent is made up", "schema/json_body.go",
			`errs = append(errs, message.Invalid(fieldOfPath(path, f.Name), "is required"))`, "converted[f.Name] = nil"},
		mutant{"schema: a decimal may have any number of digits", "schema/json_body.go",
			"scaled.Cmp(power(n.Precision)) >= 0 ||", ""},
		mutant{"schema: a writer's union is read whatever was written", "schema/avro_union.go",
			"if isReadable(&branch, r) {", "if true {"},
		mutant{"schema: a schema is unknown when one instance says so", "schema/behind.go",
			"append([]*Registry{r}, r.others...)", "[]*Registry{r}"},
		mutant{"schema: an instance that is behind is not asked again", "schema/behind.go",
			"append([]time.Duration{0}, pauses...)", "[]time.Duration{0}"},
		mutant{"schema: a level is put with a new version only", "schema/startup.go",
			"return id, c.keepLevel(ctx, b, subject)", "return id, nil"},
		mutant{"schema: a program with one type begins another subject", "schema/startup.go",
			"err != nil || other != subject {", "err != nil && other == \"\" {"},
	)
	maps.Copy(seenBy, map[string]string{
		"json: null in a list is a zero":                         "TestNullInAListIsNoZero",
		"fast: null in a list is a zero":                         "Fast",
		"schema: what is absent is made up":                      "TestWhatDoesNotFit|TestBodies",
		"schema: a decimal may have any number of digits":        "TestWhatDoesNotFit",
		"schema: a writer's union is read whatever was written":  "TestWritersUnion",
		"schema: a schema is unknown when one instance says so":  "TestAnInstanceThatIsBehind",
		"schema: an instance that is behind is not asked again":  "TestAnInstanceThatIsBehind",
		"schema: a level is put with a new version only":         "TestALevelIsPutWheneverItDiffers",
		"schema: a program with one type begins another subject": "TestSubjectsAreTheSame",
	})
}
