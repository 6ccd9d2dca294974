"""What people and clocks do with instalment plans: start, pay, remind, end."""
