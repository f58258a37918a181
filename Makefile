# Experiments with a real Kafka that breaks. FAULTS_KAFKA_SH=…/kafka.sh runs the
# brokers by that script, otherwise they are containers of KAFKA_IMAGE;
# FAULTS_TABLE=FILE writes the table there.
.PHONY: faults faults-short

faults: ## every experiment, up to 40 minutes
	FAULTS=all go test ./e2e/faults -count=1 -v -timeout 60m

faults-short: ## the selection for each change, up to 6 minutes
	FAULTS=short go test ./e2e/faults -count=1 -v -timeout 15m
