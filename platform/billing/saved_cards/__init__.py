"""Cards that customers keep: shown by brand and last digits, held by the channel alone."""
