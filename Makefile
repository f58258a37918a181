# Experiments with a real Kafka that breaks. FAULTS_KAFKA_SH is the script that runs
# the brokers; FAULTS_KAFKA_SH= runs them as containers of KAFKA_IMAGE;
# FAULTS_TABLE=FILE writes the table there.
export FAULTS_KAFKA_SH ?= $(CURDIR)/e2e/kafka/kafka.sh

.PHONY: faults faults-short

faults: ## every experiment, up to 50 minutes
	FAULTS=all go test ./e2e/faults -count=1 -v -timeout 60m

faults-short: ## the selection for each change, up to 6 minutes
	FAULTS=short go test ./e2e/faults -count=1 -v -timeout 15m

.PHONY: conformance
conformance: ## what every source must do, on real brokers too: lost and out of order, test by test; up to 20 minutes
	e2e/conformance.sh

.PHONY: mutants nightly chaos

chaos: ## 20 rounds of members and brokers killed, ended and frozen, up to 15 minutes
	CHAOS=20 go test ./e2e/chaos -count=1 -v -timeout 30m

mutants: ## plant each known mistake in the engine and its adapter and see the tests fail
	MUTANTS=2000 go test ./e2e/mutants -count=1 -v -parallel 6 -timeout 60m

nightly: mutants chaos ## what takes too long for each change: more random histories, chaos, fuzzing
	go test ./template/service/internal/engine -run TestInvariantsHold -count=1 -timeout 30m -rapid.checks=10000
	go test ./internal/merge -rapid.checks=20000
	@for target in template/service/internal/envelope:FuzzEnvelope template/service/internal/envelope:FuzzFast \
		template/service/internal/deadletter:FuzzDeadLetterAndBack template/service/internal/config:FuzzFiles template/service/internal/schema:FuzzDecode \
		internal/model:FuzzParse internal/render:FuzzRender internal/merge:FuzzThree; do \
		package=$${target%:*}; name=$${target#*:}; \
		go test ./$$package -list "^$$name$$" | grep -q "^$$name$$" || { echo "$$package has no $$name"; exit 1; }; \
		go test ./$$package -run '^$$' -fuzz "^$$name$$" -fuzztime 60s || exit 1; \
	done
