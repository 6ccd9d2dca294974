"""Deposits in use: money comes in and leaves, what is asked for is measured, and who has too little
sells nothing new."""
