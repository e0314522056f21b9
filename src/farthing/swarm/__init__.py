"""Teams of agents: who they are, how one works with tools, how many work together, what they leave behind."""
