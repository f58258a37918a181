package kafka

// PartitionLag is how far a group is behind in a partition.
type PartitionLag struct {
	Topic     string
	Partition int32
	Committed int64 // -1 if the group has committed nothing there
	End       int64 // of what the settings let the service read
	Lag       int64 // what is between, or in the log if nothing is committed
}
