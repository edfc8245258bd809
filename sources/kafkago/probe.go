package kafkago

import "context"

// Probe looks for the topics.
func (s *Source) Probe(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	_, err := s.find(within)
	return err
}
